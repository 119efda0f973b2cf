//! What the index is asked.

use std::ops::ControlFlow;

use rusqlite::{OptionalExtension, params};

use super::append::added;
use super::database::Reader;
use super::digests::module_hash;
use super::error::{Error, Result};
use super::reach::Place;
use crate::names::{CommitId, ModuleHash, ModulePath, TreePath};

/// What is known of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedCommit {
    /// The id of its tree.
    pub tree: Vec<u8>,
}

/// A commit whose value of a path differs from that of every parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnChange {
    /// The commit.
    pub commit: CommitId,
    /// The module after it; `None` if it removed what was there.
    pub module: Option<ModuleHash>,
}

impl Reader {
    /// What is known of a commit; `None` if it was never added.
    pub fn commit(&self, id: CommitId) -> Result<Option<IndexedCommit>> {
        let mut find = self
            .connection()
            .prepare_cached("SELECT tree FROM commits WHERE id = ?")?;
        let known = find.query_row([id.as_bytes()], |row| {
            Ok(IndexedCommit { tree: row.get(0)? })
        });
        Ok(known.optional()?)
    }

    /// How many commits were added.
    pub fn count(&self) -> Result<usize> {
        let mut count = self
            .connection()
            .prepare_cached("SELECT count(*) FROM commits")?;
        let count: i64 = count.query_row([], |row| row.get(0))?;
        Ok(usize::try_from(count).unwrap_or_default())
    }

    /// Whether the commit was added.
    pub fn has(&self, id: CommitId) -> Result<bool> {
        Ok(added(self.connection(), id)?.is_some())
    }

    /// Every commit that `tip` reaches whose value of `path` differs from that of every parent, by (latest date among it and its
    /// ancestors, longest distance from a root, id).
    ///
    /// # Errors
    /// `Unknown` if `tip` was not added.
    pub fn own_changes(&self, tip: CommitId, path: &ModulePath) -> Result<Vec<OwnChange>> {
        let mut reach = self.reach(tip)?.ok_or(Error::Unknown)?;
        let mut find = self.connection().prepare_cached(
            "SELECT lineage, gen, mdate, level, commits.id, hash
             FROM changes JOIN commits USING (lineage, gen) LEFT JOIN modules ON modules.id = module
             WHERE path = (SELECT id FROM paths WHERE path = ?) AND own",
        )?;
        let mut rows = find.query([path.as_str().as_bytes()])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            if !reach.reaches((row.get(0)?, row.get(1)?))? {
                continue;
            }
            let module: Option<Vec<u8>> = row.get(5)?;
            let change = OwnChange {
                commit: commit_id(&row.get::<_, Vec<u8>>(4)?)?,
                module: module.as_deref().map(module_hash).transpose()?,
            };
            let age: (i64, i64) = (row.get(2)?, row.get(3)?);
            found.push((age, change));
        }
        found.sort_by_key(|(age, change)| (*age, change.commit));
        Ok(found.into_iter().map(|(_, change)| change).collect())
    }

    /// The newest commit on the first-parent line from `from` back, itself included, whose `scope` differs from its first parent's;
    /// of a root, from nothing. The root of the tree is a scope too.
    ///
    /// # Errors
    /// `Unknown` if `from` was not added.
    pub fn newest_change(&self, from: CommitId, scope: &TreePath) -> Result<Option<CommitId>> {
        let reach = self.reach(from)?.ok_or(Error::Unknown)?;
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
        for (lineage, gen_) in reach.pieces() {
            let newest =
                find.query_row(params![path, lineage, gen_], |row| row.get::<_, Vec<u8>>(0));
            if let Some(commit) = newest.optional()? {
                return commit_id(&commit).map(Some);
            }
        }
        Ok(None)
    }

    /// Whether `ancestor` is on the first-parent line from `tip` back.
    ///
    /// # Errors
    /// `Unknown` if `tip` was not added.
    pub fn is_on_line(&self, ancestor: CommitId, tip: CommitId) -> Result<bool> {
        let reach = self.reach(tip)?.ok_or(Error::Unknown)?;
        let place = added(self.connection(), ancestor)?;
        Ok(place.is_some_and(|place| reach.distance((place.lineage, place.gen_)).is_some()))
    }

    /// Calls `visit` for every path that ever had the module in a commit that was added, until it breaks; a path comes as often as it
    /// was given the module.
    pub fn paths_of<B>(
        &self,
        module: ModuleHash,
        mut visit: impl FnMut(ModulePath) -> ControlFlow<B>,
    ) -> Result<Option<B>> {
        // The module's changes in the order of the index on them: the first comes at once, however many there are.
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

    /// Every module in a commit, sorted by path: also when the commit is gone.
    ///
    /// # Errors
    /// `Unknown` if it was not added.
    pub fn content(&self, commit: CommitId) -> Result<Vec<(ModulePath, ModuleHash)>> {
        let reach = self.reach(commit)?.ok_or(Error::Unknown)?;
        let mut find = self
            .connection()
            .prepare_cached("SELECT path, lineage, gen, module FROM changes ORDER BY path")?;
        let mut rows = find.query([])?;
        let mut latest: Vec<Latest> = Vec::new();
        while let Some(row) = rows.next()? {
            let place: Place = (row.get(1)?, row.get(2)?);
            let Some(distance) = reach.distance(place) else {
                continue;
            };
            let (path, module) = (row.get(0)?, row.get(3)?);
            let row = Latest {
                path,
                distance,
                gen_: place.1,
                module,
            };
            match latest.last_mut().filter(|before| before.path == path) {
                Some(before) if before.is_after(&row) => {}
                Some(before) => *before = row,
                None => latest.push(row),
            }
        }
        let mut path = self
            .connection()
            .prepare_cached("SELECT path FROM paths WHERE id = ?")?;
        let mut hash = self
            .connection()
            .prepare_cached("SELECT hash FROM modules WHERE id = ?")?;
        let mut modules = Vec::new();
        for row in latest {
            let Some(module) = row.module else { continue };
            let name: Vec<u8> = path.query_row([row.path], |row| row.get(0))?;
            let bytes: Vec<u8> = hash.query_row([module], |row| row.get(0))?;
            modules.extend(module_path(&name).zip(Some(module_hash(&bytes)?)));
        }
        modules.sort();
        Ok(modules)
    }
}

/// The newest change of a path on a trunk, as far as it was seen.
struct Latest {
    path: i64,
    distance: usize,
    gen_: i64,
    module: Option<i64>,
}

impl Latest {
    fn is_after(&self, other: &Self) -> bool {
        (other.distance, self.gen_) > (self.distance, other.gen_)
    }
}

const NOT_BYTES: Error = Error::Damaged("a path is not made of bytes");

pub(super) fn commit_id(bytes: &[u8]) -> Result<CommitId> {
    CommitId::from_bytes(bytes).ok_or(Error::Damaged("a commit's id is too short"))
}

/// The path, if it is a legal one: a foreign repository may have others.
fn module_path(bytes: &[u8]) -> Option<ModulePath> {
    let path: TreePath = std::str::from_utf8(bytes).ok()?.parse().ok()?;
    (path.as_str().as_bytes() == bytes).then(|| path.try_into().ok())?
}
