//! Finds the versions of all paths in a directory.

use rusqlite::Row;

use super::database::Reader;
use super::digests::module_hash;
use super::error::{Error, Result};
use super::query::{NOT_BYTES, OwnChange, bounds_below, commit_id, module_path};
use super::reach::Reach;
use crate::names::{CommitId, ModulePath, TreePath};

/// A change, and its position in the order of the versions of its path.
pub(super) struct OrderedChange {
    /// The latest author time of the commit and its ancestors, in seconds since 1970-01-01 UTC, and the length of the longest path from the
    /// commit to a root commit.
    age: (i64, i64),
    change: OwnChange,
}

impl OrderedChange {
    /// Reads a change from a row of `lineage, gen, mdate, level, commits.id, hash`. `lineage` and `gen` are the commit's position in the
    /// history. `reach` is the set of commits that one commit reaches; returns `None` if the commit is not in this set.
    pub(super) fn read(row: &Row<'_>, reach: &mut Reach<'_>) -> Result<Option<Self>> {
        if !reach.reaches((row.get(0)?, row.get(1)?))? {
            return Ok(None);
        }
        let module: Option<Vec<u8>> = row.get(5)?;
        Ok(Some(Self {
            age: (row.get(2)?, row.get(3)?),
            change: OwnChange {
                commit: commit_id(&row.get::<_, Vec<u8>>(4)?)?,
                module: module.as_deref().map(module_hash).transpose()?,
            },
        }))
    }

    /// Returns the changes of one path, sorted by age: the oldest version first.
    pub(super) fn sort(mut changes: Vec<Self>) -> Vec<OwnChange> {
        changes.sort_by_key(|change| (change.age, change.change.commit));
        changes.into_iter().map(|change| change.change).collect()
    }
}

impl Reader {
    /// Calls `visit` for every path at or below `scope` that commits reachable from `tip` have changed, with its
    /// [`own_changes`](Self::own_changes).
    ///
    /// # Errors
    /// Returns `UnknownCommit` if `tip` was not added.
    pub fn visit_own_changes(
        &self,
        tip: CommitId,
        scope: &TreePath,
        mut visit: impl FnMut(ModulePath, Vec<OwnChange>),
    ) -> Result<()> {
        let mut reach = self.reach(tip)?.ok_or(Error::UnknownCommit)?;
        // The scope itself and the paths below it are in this range, together with a few other paths.
        let (_, end) = bounds_below(scope);
        // CROSS JOIN makes SQLite read the paths first, each with all its changes, so the result needs no sorting.
        let mut find = self.connection().prepare_cached(
            "SELECT lineage, gen, mdate, level, commits.id, hash, paths.path
             FROM paths CROSS JOIN changes ON changes.path = paths.id CROSS JOIN commits USING (lineage, gen)
             LEFT JOIN modules ON modules.id = module
             WHERE paths.path >= ? AND paths.path < ? AND own ORDER BY paths.path",
        )?;
        let mut rows = find.query([scope.as_str().as_bytes(), &end])?;
        let mut visit = |path: &[u8], changes: Vec<OrderedChange>| {
            let path = module_path(path).filter(|path| scope.contains(path.as_str()));
            if let Some(path) = path.filter(|_| !changes.is_empty()) {
                visit(path, OrderedChange::sort(changes));
            }
        };
        let (mut path, mut changes) = (Vec::new(), Vec::new());
        while let Some(row) = rows.next()? {
            let next = row.get_ref(6)?.as_blob().map_err(|_| NOT_BYTES)?;
            if next != path {
                visit(&path, std::mem::take(&mut changes));
                path = next.to_vec();
            }
            changes.extend(OrderedChange::read(row, &mut reach)?);
        }
        visit(&path, changes);
        Ok(())
    }
}
