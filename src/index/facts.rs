//! Reads and adds the facts about modules, such as their sizes, imports and exports.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::append::find_or_insert;
use super::database::Reader;
use super::error::Result;
use crate::names::ModuleHash;

/// Everything that the index records about the content of a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactsEntry {
    /// The size of the module, in bytes.
    pub size_bytes: u64,
    /// The facts, in an encoding that the index does not read.
    pub facts: Vec<u8>,
    /// The named parts and properties of the module, such as its imports. A search finds the module by their names.
    pub items: Vec<ItemEntry>,
    /// The text of the module in which a search looks for words.
    pub words: String,
}

/// A named part or property of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemEntry {
    /// The kind of the item.
    pub kind: ItemKind,
    /// The name of the item.
    pub name: String,
    /// The version; empty if the item has none.
    pub version: String,
    /// The type, as text; empty if the item has none.
    pub ty: String,
}

/// The kinds of items. The numbers are stored in the database, so they never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemKind {
    /// Whether the module is a core module or a component. Every module has one item of this kind.
    Kind = 1,
    /// An import.
    Import = 2,
    /// An export.
    Export = 3,
    /// A version of the WebAssembly standard, or a proposal, that an engine must support to run the module.
    Needs = 4,
    /// A crate that the module was built from.
    Crate = 5,
    /// A tool or language that produced the module.
    Producer = 6,
    /// A licence of the module.
    License = 7,
}

impl ItemKind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::Kind,
        Self::Import,
        Self::Export,
        Self::Needs,
        Self::Crate,
        Self::Producer,
        Self::License,
    ];

    /// Returns the name of the kind, which is also its key in a query.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Import => "import",
            Self::Export => "export",
            Self::Needs => "needs",
            Self::Crate => "crate",
            Self::Producer => "producer",
            Self::License => "license",
        }
    }
}

impl Reader {
    /// Returns the facts about a module, as they were added; `None` if they are not in the index, or the module could not be read.
    pub fn facts(&self, module: ModuleHash) -> Result<Option<Vec<u8>>> {
        let mut find = self.connection().prepare_cached(
            "SELECT facts FROM facts WHERE module = (SELECT id FROM modules WHERE hash = ?)",
        )?;
        let facts = find.query_row([module.as_bytes()], |row| row.get(0));
        Ok(facts.optional()?)
    }

    /// Returns whether the facts about a module are in the index.
    pub fn has_facts(&self, module: ModuleHash) -> Result<bool> {
        let mut find = self.connection().prepare_cached(
            "SELECT 1 FROM facts WHERE module = (SELECT id FROM modules WHERE hash = ?)",
        )?;
        Ok(find.exists([module.as_bytes()])?)
    }

    /// Returns at most `count` modules whose facts are not in the index yet.
    pub fn modules_without_facts(&self, count: u32) -> Result<Vec<ModuleHash>> {
        let query = "SELECT hash FROM modules WHERE NOT has_facts ORDER BY id LIMIT ?";
        self.module_hashes(query, count)
    }

    /// Returns the number of modules whose facts are not in the index yet.
    pub fn count_without_facts(&self) -> Result<u64> {
        let mut count = self
            .connection()
            .prepare_cached("SELECT count(*) FROM modules WHERE NOT has_facts")?;
        let count: i64 = count.query_row([], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// Adds the facts about modules, in one transaction. The entry of a module that cannot be read is `None`. Skips modules that no commit
    /// in the index has, and modules whose facts are already in the index.
    pub fn add_facts(&mut self, entries: &[(ModuleHash, Option<FactsEntry>)]) -> Result<()> {
        let transaction = rusqlite::Transaction::new_unchecked(
            self.connection(),
            TransactionBehavior::Immediate,
        )?;
        for (module, entry) in entries {
            let mut mark = transaction.prepare_cached(
                "UPDATE modules SET has_facts = TRUE, size_bytes = ?
                 WHERE hash = ? AND NOT has_facts RETURNING id",
            )?;
            // SQLite's integers are signed. No module is larger than their maximum.
            let size_bytes = entry
                .as_ref()
                .map(|entry| i64::try_from(entry.size_bytes).unwrap_or(i64::MAX));
            let id = mark.query_row(params![size_bytes, module.as_bytes()], |row| row.get(0));
            if let (Some(id), Some(entry)) = (id.optional()?, entry) {
                insert_facts(&transaction, id, entry)?;
            }
        }
        Ok(transaction.commit()?)
    }
}

fn insert_facts(db: &Connection, module: i64, entry: &FactsEntry) -> Result<()> {
    db.prepare_cached("INSERT INTO facts VALUES (?, ?)")?
        .execute(params![module, entry.facts])?;
    let mut insert = db.prepare_cached("INSERT OR IGNORE INTO items VALUES (?, ?, ?, ?)")?;
    for item in &entry.items {
        let name = name_id(db, item.kind, &item.name)?;
        let ty = type_id(db, &item.ty)?;
        insert.execute(params![name, module, item.version, ty])?;
    }
    if !entry.words.is_empty() {
        db.prepare_cached("INSERT INTO words (rowid, text) VALUES (?, ?)")?
            .execute(params![module, entry.words])?;
    }
    Ok(())
}

/// Returns the row id of a name; inserts the name if it is new.
fn name_id(db: &Connection, kind: ItemKind, name: &str) -> Result<i64> {
    find_or_insert(
        db,
        "SELECT id FROM names WHERE kind = ? AND name = ?",
        "INSERT INTO names (kind, name) VALUES (?, ?)",
        (kind as i64, name),
    )
}

/// Returns the row id of a type; inserts the type if it is new.
fn type_id(db: &Connection, ty: &str) -> Result<i64> {
    find_or_insert(
        db,
        "SELECT id FROM types WHERE type = ?",
        "INSERT INTO types (type) VALUES (?)",
        [ty],
    )
}
