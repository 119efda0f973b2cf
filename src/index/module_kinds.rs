//! The sizes and kinds of modules.

use rusqlite::OptionalExtension as _;

use super::database::Reader;
use super::error::Result;
use super::facts::ItemKind;
use crate::names::ModuleHash;

/// The size and the kind of a module whose facts are in the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SizeAndKind {
    /// The size in bytes.
    pub size_bytes: u64,
    /// The name of the module's kind; `None` if the index does not have it.
    pub kind: Option<String>,
}

impl Reader {
    /// Returns the size and the kind of each module; `None` if its facts are not in the index. The facts themselves are not read.
    pub fn sizes_and_kinds(&self, modules: &[ModuleHash]) -> Result<Vec<Option<SizeAndKind>>> {
        let mut find = self.connection().prepare_cached(
            "SELECT size_bytes,
                    (SELECT name FROM names WHERE kind = ?2
                     AND EXISTS (SELECT 1 FROM items WHERE items.name = names.id AND module = modules.id) LIMIT 1)
             FROM modules WHERE hash = ?1 AND size_bytes IS NOT NULL",
        )?;
        let found = modules.iter().map(|module| {
            let row = find.query_row((module.as_bytes(), ItemKind::Kind as i64), |row| {
                let size_bytes: i64 = row.get(0)?;
                Ok(SizeAndKind {
                    size_bytes: size_bytes.unsigned_abs(),
                    kind: row.get(1)?,
                })
            });
            Ok(row.optional()?)
        });
        found.collect()
    }
}
