//! The queries about commits, versions and paths.

use std::ops::ControlFlow;

use rusqlite::{OptionalExtension, params};

use super::append::find_commit;
use super::database::Reader;
use super::digests::module_hash;
use super::error::{Error, Result};
use super::path_versions::OrderedChange;
use super::trunk::Position;
use crate::names::{CommitId, ModuleHash, ModulePath, TreePath};

/// The index entry of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedCommit {
    /// The id of the tree.
    pub tree: Vec<u8>,
}

/// A commit in which the module at a path differs from the module at the path in each of its parents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnChange {
    /// The id of the commit.
    pub commit: CommitId,
    /// The module at the path in the commit's tree; `None` if the commit removed the module.
    pub module: Option<ModuleHash>,
}

impl Reader {
    /// Returns the entry of a commit; `None` if the commit was not added.
    pub fn commit(&self, id: CommitId) -> Result<Option<IndexedCommit>> {
        let mut select = self
            .connection()
            .prepare_cached("SELECT tree FROM commits WHERE id = ?")?;
        let entry = select.query_row([id.as_bytes()], |row| {
            Ok(IndexedCommit { tree: row.get(0)? })
        });
        Ok(entry.optional()?)
    }

    /// Returns the number of commits.
    pub fn commit_count(&self) -> Result<usize> {
        let mut select = self
            .connection()
            .prepare_cached("SELECT count(*) FROM commits")?;
        let count: i64 = select.query_row([], |row| row.get(0))?;
        Ok(usize::try_from(count).unwrap_or_default())
    }

    /// Returns whether the index contains the commit.
    pub fn contains(&self, id: CommitId) -> Result<bool> {
        Ok(find_commit(self.connection(), id)?.is_some())
    }

    /// Returns every commit reachable from `tip` in which the module at `path` differs from the module at `path` in each of its parents.
    /// They are sorted by (latest date among the commit and its ancestors, longest distance from a root, id).
    ///
    /// # Errors
    /// Returns `UnknownCommit` if `tip` was not added to the index.
    pub fn own_changes(&self, tip: CommitId, path: &ModulePath) -> Result<Vec<OwnChange>> {
        let mut reach = self.reach(tip)?.ok_or(Error::UnknownCommit)?;
        let mut find = self.connection().prepare_cached(
            "SELECT lineage, gen, mdate, level, commits.id, hash
             FROM changes JOIN commits USING (lineage, gen) LEFT JOIN modules ON modules.id = module
             WHERE path = (SELECT id FROM paths WHERE path = ?) AND own",
        )?;
        let mut rows = find.query([path.as_str().as_bytes()])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.extend(OrderedChange::read(row, &mut reach)?);
        }
        Ok(OrderedChange::sort(found))
    }

    /// Returns whether a commit in the index had a module below `directory`.
    pub fn has_paths_below(&self, directory: &TreePath) -> Result<bool> {
        let (start, end) = bounds_below(directory);
        let mut find = self
            .connection()
            .prepare_cached("SELECT 1 FROM paths WHERE path > ? AND path < ? LIMIT 1")?;
        Ok(find.exists([start, end])?)
    }

    /// Returns the newest commit in the first-parent history of `from`, including `from`, in which the tree entry at the path `scope`
    /// differs from the first parent's entry; `None` if there is no such commit. A root commit is compared with an empty tree. The scope
    /// may be the root directory.
    ///
    /// # Errors
    /// Returns `UnknownCommit` if the index does not contain `from`.
    pub fn newest_change(&self, from: CommitId, scope: &TreePath) -> Result<Option<CommitId>> {
        let reach = self.reach(from)?.ok_or(Error::UnknownCommit)?;
        let db = self.connection();
        let path: Option<i64> = db
            .prepare_cached("SELECT id FROM paths WHERE path = ?")?
            .query_row([scope.as_str().as_bytes()], |row| row.get(0))
            .optional()?;
        let Some(path) = path else { return Ok(None) };
        let mut find = db.prepare_cached(
            "SELECT id FROM commits JOIN changes USING (lineage, gen)
             WHERE path = ? AND lineage = ? AND gen <= ? ORDER BY gen DESC LIMIT 1",
        )?;
        for (lineage, gen_) in reach.segments() {
            let newest =
                find.query_row(params![path, lineage, gen_], |row| row.get::<_, Vec<u8>>(0));
            if let Some(commit) = newest.optional()? {
                return commit_id(&commit).map(Some);
            }
        }
        Ok(None)
    }

    /// Returns whether `ancestor` is in the first-parent history of `tip`.
    ///
    /// # Errors
    /// Returns `UnknownCommit` if `tip` was not added to the index.
    pub fn is_first_parent_ancestor(&self, ancestor: CommitId, tip: CommitId) -> Result<bool> {
        let reach = self.reach(tip)?.ok_or(Error::UnknownCommit)?;
        let row = find_commit(self.connection(), ancestor)?;
        Ok(row.is_some_and(|row| reach.trunk_distance((row.lineage, row.gen_)).is_some()))
    }

    /// Calls `visit` for every path at which a commit in the index has the module, until `visit` returns `Break`. A path is visited once
    /// for each commit that put the module there. Returns the value in `Break`; `None` if every path was visited.
    pub fn paths_of<B>(
        &self,
        module: ModuleHash,
        mut visit: impl FnMut(ModulePath) -> ControlFlow<B>,
    ) -> Result<Option<B>> {
        // CROSS JOIN makes SQLite read `changes` first, in the order of its index. So the first row is available at once, however many rows
        // there are.
        let mut find = self.connection().prepare_cached(
            "SELECT paths.path FROM changes CROSS JOIN paths ON paths.id = changes.path
             WHERE module = (SELECT id FROM modules WHERE hash = ?)",
        )?;
        let mut rows = find.query([module.as_bytes()])?;
        while let Some(row) = rows.next()? {
            let Some(path) = module_path(row.get_ref(0)?.as_blob().map_err(|_| NOT_BYTES)?) else {
                continue;
            };
            if let ControlFlow::Break(found) = visit(path) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Returns every module in the tree of a commit, sorted by path. Works even after the commit was dropped from the repository.
    ///
    /// # Errors
    /// Returns `UnknownCommit` if the commit was not added.
    pub fn modules_in(&self, commit: CommitId) -> Result<Vec<(ModulePath, ModuleHash)>> {
        let reach = self.reach(commit)?.ok_or(Error::UnknownCommit)?;
        let mut find = self
            .connection()
            .prepare_cached("SELECT path, lineage, gen, module FROM changes ORDER BY path")?;
        let mut rows = find.query([])?;
        let mut latest: Vec<LatestChange> = Vec::new();
        while let Some(row) = rows.next()? {
            let position: Position = (row.get(1)?, row.get(2)?);
            let Some(distance) = reach.trunk_distance(position) else {
                continue;
            };
            let (path, module) = (row.get(0)?, row.get(3)?);
            let change = LatestChange {
                path,
                distance,
                gen_: position.1,
                module,
            };
            match latest.last_mut().filter(|other| other.path == path) {
                Some(other) if other.is_newer_than(&change) => {}
                Some(other) => *other = change,
                None => latest.push(change),
            }
        }
        let mut select_path = self
            .connection()
            .prepare_cached("SELECT path FROM paths WHERE id = ?")?;
        let mut select_hash = self
            .connection()
            .prepare_cached("SELECT hash FROM modules WHERE id = ?")?;
        let mut modules = Vec::new();
        for change in latest {
            let Some(module) = change.module else {
                continue;
            };
            let path: Vec<u8> = select_path.query_row([change.path], |row| row.get(0))?;
            let hash: Vec<u8> = select_hash.query_row([module], |row| row.get(0))?;
            modules.extend(module_path(&path).zip(Some(module_hash(&hash)?)));
        }
        modules.sort();
        Ok(modules)
    }
}

/// The newest change of a path in a first-parent history, among the rows that were read so far.
struct LatestChange {
    path: i64,
    distance: usize,
    gen_: i64,
    module: Option<i64>,
}

impl LatestChange {
    /// Returns whether this change is newer: nearer to the tip, or later in the same lineage (segment of first-parent history).
    fn is_newer_than(&self, other: &Self) -> bool {
        (other.distance, self.gen_) > (self.distance, other.gen_)
    }
}

pub(super) const NOT_BYTES: Error =
    Error::Damaged("the database column of a path or a hash does not contain bytes");

pub(super) fn commit_id(bytes: &[u8]) -> Result<CommitId> {
    CommitId::from_bytes(bytes).ok_or(Error::Damaged("a commit's id has neither 20 nor 32 bytes"))
}

/// Returns the bounds of the range of the paths below a directory. The bounds themselves are not paths below the directory.
pub(super) fn bounds_below(directory: &TreePath) -> (Vec<u8>, Vec<u8>) {
    match directory.as_str() {
        // Paths are UTF-8, in which no byte is 0xff.
        "" => (Vec::new(), vec![0xff]),
        // `0` is the character after the slash in ASCII.
        directory => (
            format!("{directory}/").into(),
            format!("{directory}0").into(),
        ),
    }
}

/// Parses a path. Returns `None` for a path that is illegal in the store; other programs can write such paths to the repository.
pub(super) fn module_path(bytes: &[u8]) -> Option<ModulePath> {
    let path: TreePath = std::str::from_utf8(bytes).ok()?.parse().ok()?;
    (path.as_str().as_bytes() == bytes).then(|| path.try_into().ok())?
}
