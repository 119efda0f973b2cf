//! Finds the paths of modules.

use std::collections::{BTreeSet, HashSet};
use std::ops::ControlFlow;

use rusqlite::params;

use super::database::Reader;
use super::error::Result;
use super::module_set::ModuleSet;
use super::query::{NOT_BYTES, bounds_below, module_path};
use super::search::row_id;
use crate::names::{ModulePath, TreePath};

/// The number of paths that [`Reader::visit_paths_after`] visits without checking that their modules are in the given set. Only then does
/// it look up the paths of the modules in the set. If the set has many modules, the caller has usually found enough paths before that.
const VISITS_BEFORE_SET: i64 = 256;

impl Reader {
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

    /// Calls `visit` for paths below `directory` at which a commit in the index has a module, in the order of the paths, until `visit`
    /// returns `Break`. Visits at least the paths at which a commit has one of `modules`, and may visit others; `None` stands for all
    /// modules. Skips the paths up to and including `after`. Returns the value in `Break`; `None` if every path was visited.
    pub fn visit_paths_after<B>(
        &self,
        directory: &TreePath,
        after: Option<&ModulePath>,
        modules: Option<&ModuleSet>,
        mut visit: impl FnMut(ModulePath) -> ControlFlow<B>,
    ) -> Result<Option<B>> {
        let mut visit = |path: &[u8]| match module_path(path) {
            Some(path) => visit(path),
            None => ControlFlow::Continue(()),
        };
        let (start, end) = bounds_below(directory);
        let after = after.map_or("", ModulePath::as_str);
        let mut after = after.as_bytes().to_vec().max(start);
        let count_max = modules.map_or(-1, |_| VISITS_BEFORE_SET);
        let mut find = self.connection().prepare_cached(
            "SELECT path FROM paths WHERE path > ? AND path < ? AND EXISTS (
                 SELECT 1 FROM changes WHERE changes.path = paths.id AND module IS NOT NULL
             ) ORDER BY path LIMIT ?",
        )?;
        let mut rows = find.query(params![after, end, count_max])?;
        let mut left = count_max;
        while let Some(row) = rows.next()? {
            let path = row.get_ref(0)?.as_blob().map_err(|_| NOT_BYTES)?;
            if let ControlFlow::Break(found) = visit(path) {
                return Ok(Some(found));
            }
            left -= 1;
            if left == 0 {
                after = path.to_vec();
            }
        }
        match modules {
            Some(modules) if left == 0 => self.visit_paths_of_set(modules, (&after, &end), visit),
            _ => Ok(None),
        }
    }

    /// Calls `visit` for each path between `start` and `end`, both excluded, at which some commit in the index has one of `modules`.
    fn visit_paths_of_set<B>(
        &self,
        modules: &ModuleSet,
        (start, end): (&[u8], &[u8]),
        mut visit: impl FnMut(&[u8]) -> ControlFlow<B>,
    ) -> Result<Option<B>> {
        let mut wanted: HashSet<i64> = HashSet::new();
        // The SQL index `changes_module` has the columns `module` and `path`, so SQLite reads only this index and not the table.
        let mut find = self
            .connection()
            .prepare_cached("SELECT module, path FROM changes WHERE module <= ?")?;
        let mut rows = find.query([modules.last().unwrap_or_default() as i64])?;
        while let Some(row) = rows.next()? {
            if modules.contains(row_id(row.get(0)?)?) {
                wanted.insert(row.get(1)?);
            }
        }
        let mut find = self.connection().prepare_cached(
            "SELECT id, path FROM paths WHERE path > ? AND path < ? ORDER BY path",
        )?;
        let mut rows = find.query([start, end])?;
        while let Some(row) = rows.next()? {
            if wanted.contains(&row.get(0)?)
                && let ControlFlow::Break(found) =
                    visit(row.get_ref(1)?.as_blob().map_err(|_| NOT_BYTES)?)
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}
