//! The row ids of modules, which a search looks up by hash.

use std::collections::HashMap;
use std::sync::Arc;

use super::database::{Reader, lock};
use super::digests::module_hash;
use super::error::Result;
use super::module_set::ModuleSet;
use super::query::NOT_BYTES;
use super::search::row_id;
use crate::names::ModuleHash;

/// The maximum number of modules whose row ids are held in memory. They take about 10 MiB.
const ROWS_MAX: usize = 1 << 17;

/// How many times longer it takes to look up a module by its row id than to read it in a scan of all modules.
const SCAN_FACTOR: usize = 4;

/// The row ids of modules in the index database, by the hash of the module.
pub type ModuleRows = Arc<HashMap<ModuleHash, usize>>;

/// The row ids of all modules of a database. Modules are only ever added to a database, with increasing row ids, and the row id of a module
/// never changes.
#[derive(Default)]
pub(super) struct HeldRows {
    rows: ModuleRows,
    /// The highest row id that was read.
    last: usize,
}

impl Reader {
    /// Returns row ids that are held in memory, if they include those of all modules of the set; otherwise `None`. The result may also have
    /// the row ids of other modules. Does not read the database.
    pub fn held_module_rows(&self, modules: &ModuleSet) -> Option<ModuleRows> {
        let held = lock(&self.database.rows);
        (modules.last().unwrap_or_default() <= held.last).then(|| Arc::clone(&held.rows))
    }

    /// Returns the row ids of all modules of a set, and perhaps those of other modules; `None` if there are too many to hold them in
    /// memory.
    pub fn module_rows(&self, modules: &ModuleSet) -> Result<Option<ModuleRows>> {
        if modules.last().unwrap_or_default() > ROWS_MAX {
            if modules.len() > ROWS_MAX {
                return Ok(None);
            }
            return Ok(Some(Arc::new(self.rows_of_set(modules)?)));
        }
        let mut held = lock(&self.database.rows);
        let mut find = self
            .connection()
            .prepare_cached("SELECT id, hash FROM modules WHERE id > ? AND id <= ? ORDER BY id")?;
        let mut new = find.query([held.last as i64, ROWS_MAX as i64])?;
        while let Some(row) = new.next()? {
            let (id, hash) = (row_id(row.get(0)?)?, row.get_ref(1)?);
            let hash = module_hash(hash.as_blob().map_err(|_| NOT_BYTES)?)?;
            // `make_mut` copies the rows if another search still uses them.
            Arc::make_mut(&mut held.rows).insert(hash, id);
            held.last = id;
        }
        Ok(Some(Arc::clone(&held.rows)))
    }

    /// Returns the modules of a set with their row ids.
    fn rows_of_set(&self, modules: &ModuleSet) -> Result<HashMap<ModuleHash, usize>> {
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
}
