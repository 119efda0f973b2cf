//! Finds modules by their items, sizes and words, and the paths of modules.

use std::collections::{BTreeSet, HashMap};
use std::ops::{ControlFlow, RangeInclusive};

use rusqlite::{OptionalExtension, params};

use super::database::Reader;
use super::digests::module_hash;
use super::error::{Error, Result};
use super::facts::ItemKind;
use super::module_set::ModuleSet;
use super::query::{NOT_BYTES, module_path};
use crate::names::{ModuleHash, ModulePath, TreePath};

/// The maximum number of names of one kind that one search compares with its pattern.
const NAMES_MAX: usize = 1 << 20;

/// How many times longer it takes to look up a module by its row id than to read it in a scan of all modules.
const SCAN_FACTOR: usize = 4;

/// A condition of a search on the names and versions of items.
pub struct NameFilter<'f> {
    /// The kind of the items.
    pub kind: ItemKind,
    /// The prefix of all names that are accepted. If it is empty, `accepts_name` is called for all names of the kind.
    pub prefix: &'f str,
    /// Returns whether a name is accepted.
    pub accepts_name: &'f dyn Fn(&str) -> bool,
    /// Returns whether a version is accepted. The version of an item that has none is empty.
    pub accepts_version: &'f dyn Fn(&str) -> bool,
}

impl Reader {
    /// Returns the modules that have an item that the filter accepts.
    ///
    /// # Errors
    /// Returns `TooManyNames` if more than 1,048,576 names start with the prefix.
    pub fn modules_with_item(&self, filter: &NameFilter<'_>) -> Result<ModuleSet> {
        let names = self.names_with_prefix(filter)?;
        let mut find = self
            .connection()
            .prepare_cached("SELECT module, version FROM items WHERE name = ?")?;
        let mut modules = ModuleSet::default();
        // The decisions are kept, because many modules have the same few versions of an item.
        let mut versions: HashMap<String, bool> = HashMap::new();
        for name in names {
            let mut rows = find.query([name])?;
            while let Some(row) = rows.next()? {
                let version = row.get_ref(1)?.as_str().map_err(|_| NOT_TEXT)?;
                let is_accepted = match versions.get(version) {
                    Some(is_accepted) => *is_accepted,
                    None => {
                        let is_accepted = (filter.accepts_version)(version);
                        versions.insert(version.to_owned(), is_accepted);
                        is_accepted
                    }
                };
                if is_accepted {
                    modules.insert(row_id(row.get(0)?)?);
                }
            }
        }
        Ok(modules)
    }

    /// Returns the row ids of the names that the filter accepts.
    fn names_with_prefix(&self, filter: &NameFilter<'_>) -> Result<Vec<i64>> {
        // No name contains a character after the last one of Unicode, so this is the end of the names with the prefix.
        let end = format!("{}{}", filter.prefix, char::MAX);
        let mut find = self.connection().prepare_cached(
            "SELECT id, name FROM names WHERE kind = ? AND name >= ? AND name < ?",
        )?;
        let mut rows = find.query(params![filter.kind as i64, filter.prefix, end])?;
        let (mut names, mut compared) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            compared += 1;
            if compared > NAMES_MAX {
                return Err(Error::TooManyNames);
            }
            if (filter.accepts_name)(row.get_ref(1)?.as_str().map_err(|_| NOT_TEXT)?) {
                names.push(row.get(0)?);
            }
        }
        Ok(names)
    }

    /// Returns the modules whose size in bytes is in a range.
    pub fn modules_sized(&self, sizes_bytes: &RangeInclusive<u64>) -> Result<ModuleSet> {
        // SQLite's integers are signed. No module is larger than their maximum.
        let bound = |bytes: &u64| i64::try_from(*bytes).unwrap_or(i64::MAX);
        let bounds = [bound(sizes_bytes.start()), bound(sizes_bytes.end())];
        self.module_set(
            "SELECT id FROM modules WHERE size_bytes BETWEEN ? AND ?",
            bounds,
        )
    }

    /// Returns the modules whose text contains the words of `text` as a phrase.
    pub fn modules_with_words(&self, text: &str) -> Result<ModuleSet> {
        // In an FTS5 string, a quote is doubled. See https://sqlite.org/fts5.html#fts5_strings.
        let phrase = format!("\"{}\"", text.replace('"', "\"\""));
        self.module_set("SELECT rowid FROM words WHERE words MATCH ?", [phrase])
    }

    /// Returns the modules whose facts are in the index. Row ids that no module has may be in the set, too.
    pub fn modules_with_facts(&self) -> Result<ModuleSet> {
        // The two queries only read indexes. Reading all rows would take longer than most searches.
        let mut find = self
            .connection()
            .prepare_cached("SELECT max(id) FROM modules")?;
        let last: Option<i64> = find.query_row([], |row| row.get(0))?;
        let mut modules = ModuleSet::up_to(row_id(last.unwrap_or_default())?);
        let pending = self.module_set("SELECT id FROM modules WHERE NOT has_facts", [])?;
        modules.subtract(&pending);
        Ok(modules)
    }

    fn module_set(&self, query: &str, params: impl rusqlite::Params) -> Result<ModuleSet> {
        let mut find = self.connection().prepare_cached(query)?;
        let mut rows = find.query(params)?;
        let mut modules = ModuleSet::default();
        while let Some(row) = rows.next()? {
            modules.insert(row_id(row.get(0)?)?);
        }
        Ok(modules)
    }

    /// Returns whether a set has a module.
    pub fn is_in(&self, modules: &ModuleSet, module: ModuleHash) -> Result<bool> {
        let row = self.module_row(module)?;
        Ok(row.is_some_and(|row| modules.contains(row)))
    }

    /// Returns the row id of a module, for [`ModuleSet::contains`]; `None` if no commit in the index has it.
    pub fn module_row(&self, module: ModuleHash) -> Result<Option<usize>> {
        let mut find = self
            .connection()
            .prepare_cached("SELECT id FROM modules WHERE hash = ?")?;
        let id = find
            .query_row([module.as_bytes()], |row| row.get(0))
            .optional()?;
        id.map(row_id).transpose()
    }

    /// Returns the modules of a set with their row ids.
    pub fn rows_of_set(&self, modules: &ModuleSet) -> Result<HashMap<ModuleHash, usize>> {
        let db = self.connection();
        let mut rows = HashMap::with_capacity(modules.len());
        let Some(last) = modules.last() else {
            return Ok(rows);
        };
        if modules.len() > last / SCAN_FACTOR {
            let mut all = db.prepare_cached("SELECT id, hash FROM modules WHERE id <= ?")?;
            let mut all = all.query([last as i64])?;
            while let Some(row) = all.next()? {
                let id = row_id(row.get(0)?)?;
                if modules.contains(id) {
                    let hash = row.get_ref(1)?.as_blob().map_err(|_| NOT_BYTES)?;
                    rows.insert(module_hash(hash)?, id);
                }
            }
        } else {
            let mut find = db.prepare_cached("SELECT hash FROM modules WHERE id = ?")?;
            for id in modules.ids() {
                let mut found = find.query([id as i64])?;
                if let Some(row) = found.next()? {
                    let hash = row.get_ref(0)?.as_blob().map_err(|_| NOT_BYTES)?;
                    rows.insert(module_hash(hash)?, id);
                }
            }
        }
        Ok(rows)
    }

    /// Returns every path at which a commit in the index has a module of a set, sorted; `None` if there are more than `count_max`.
    pub fn paths_of_set(
        &self,
        modules: &ModuleSet,
        count_max: usize,
    ) -> Result<Option<BTreeSet<ModulePath>>> {
        let mut find = self.connection().prepare_cached(
            "SELECT DISTINCT paths.path FROM changes CROSS JOIN paths ON paths.id = changes.path WHERE module = ?",
        )?;
        let mut paths = BTreeSet::new();
        for id in modules.ids() {
            let mut rows = find.query([id as i64])?;
            while let Some(row) = rows.next()? {
                paths.extend(module_path(
                    row.get_ref(0)?.as_blob().map_err(|_| NOT_BYTES)?,
                ));
                if paths.len() > count_max {
                    return Ok(None);
                }
            }
        }
        Ok(Some(paths))
    }

    /// Calls `visit` for every path below `directory` at which a commit in the index has a module, in the order of the paths, until `visit`
    /// returns `Break`. Skips the paths up to and including `after`. Returns the value in `Break`; `None` if every path was visited.
    pub fn visit_paths_after<B>(
        &self,
        directory: &TreePath,
        after: Option<&ModulePath>,
        mut visit: impl FnMut(ModulePath) -> ControlFlow<B>,
    ) -> Result<Option<B>> {
        let mut find = self.connection().prepare_cached(
            "SELECT path FROM paths WHERE path > ? AND path < ? AND EXISTS (
                 SELECT 1 FROM changes WHERE changes.path = paths.id AND module IS NOT NULL
             ) ORDER BY path",
        )?;
        // Paths are UTF-8, in which no byte is 0xff. `0` is the character after the slash in ASCII, so the paths below the directory are in
        // this range.
        let (start, end) = match directory.as_str() {
            "" => (String::new(), vec![0xff]),
            directory => (format!("{directory}/"), format!("{directory}0").into()),
        };
        let after = after.map_or("", ModulePath::as_str).max(&start);
        let mut rows = find.query(params![after.as_bytes(), end])?;
        while let Some(row) = rows.next()? {
            let path = module_path(row.get_ref(0)?.as_blob().map_err(|_| NOT_BYTES)?);
            if let Some(ControlFlow::Break(found)) = path.map(&mut visit) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

const NOT_TEXT: Error = Error::Damaged("a name or version is not text");

fn row_id(id: i64) -> Result<usize> {
    usize::try_from(id).map_err(|_| Error::Damaged("a row has a negative id"))
}

#[cfg(test)]
mod tests;
