//! Finds modules by their items, sizes and words.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use rusqlite::OptionalExtension;

use super::database::Reader;
use super::error::{Error, Result};
use super::facts::ItemKind;
use super::item_names::NameRange;
use super::module_set::ModuleSet;
use crate::names::ModuleHash;

/// Selects items by kind, name and version. An item is an import, an export or another property of a module (see [`ItemKind`]).
pub struct NameFilter<'f> {
    /// The kind of the items.
    pub kind: ItemKind,
    /// Ranges of names. Every accepted name is in one of the ranges, but they may contain other names, too.
    pub ranges: &'f [NameRange],
    /// Returns whether a name is accepted.
    pub accepts_name: &'f dyn Fn(&str) -> bool,
    /// Returns whether a version is accepted. The version of an item that has none is empty.
    pub accepts_version: &'f dyn Fn(&str) -> bool,
}

impl Reader {
    /// Returns the modules that have an item that the filter accepts.
    ///
    /// # Errors
    /// Returns `TooManyNames` if the ranges contain more than 1,048,576 names.
    pub fn modules_with_item(&self, filter: &NameFilter<'_>) -> Result<ModuleSet> {
        let names = self.accepted_names(filter)?;
        let mut find = self
            .connection()
            .prepare_cached("SELECT module, version FROM items WHERE name = ?")?;
        let mut modules = ModuleSet::default();
        // The decisions about versions are cached, because many modules have the same few versions of an item.
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
        // The two queries read only SQL indexes. Reading all rows of the table would take longer than most searches.
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
}

pub(super) const NOT_TEXT: Error = Error::Damaged("a name or version is not text");

pub(super) fn row_id(id: i64) -> Result<usize> {
    usize::try_from(id).map_err(|_| Error::Damaged("a row has a negative id"))
}

#[cfg(test)]
mod tests;
