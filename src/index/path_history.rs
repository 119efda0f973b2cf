//! Finds the newest changes of many paths in a first-parent history.

use rusqlite::{CachedStatement, OptionalExtension as _};

use super::database::Reader;
use super::digests::module_hash;
use super::error::{Error, Result};
use super::query::commit_id;
use super::reach::Reach;
use super::trunk::Position;
use crate::names::{CommitId, ModuleHash, TreePath};

/// The maximum number of database queries in one call. If more are needed, [`NewestChanges::is_cut`] is set.
const LOOKUPS_MAX: usize = 20_000;

/// If a first-parent history consists of at most this many lineages (segments, see [`super`]), each path is looked up in all of them.
const SEGMENTS_FEW: usize = 4;

/// A path that was changed in at most this many lineages (segments of first-parent history, see [`super`]) is looked up only in these
/// lineages. Most paths were changed in only a few of thousands of lineages.
const LINEAGES_FEW: usize = 64;

/// The newest changes of several paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewestChanges {
    /// The changes of each path, the newest first.
    pub of_paths: Vec<Vec<PathChangeEntry>>,
    /// Whether changes are missing, because finding them takes too many queries. That happens if a path was changed in very many lineages
    /// (segments of first-parent history), but only long ago in the history of the given commit.
    pub is_cut: bool,
}

/// A commit that changed the tree entry at a path, and the module at the path in this commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathChangeEntry {
    /// The id of the commit.
    pub commit: CommitId,
    /// The module at the path; `None` if the commit has no module there, but a directory or nothing.
    pub module: Option<ModuleHash>,
    /// The size of the module in bytes; `None` if its facts are not in the index.
    pub size_bytes: Option<u64>,
}

/// The prepared queries of one call, and the number of queries that it may still make.
struct Lookups<'c> {
    lineage_after: CachedStatement<'c>,
    changes: CachedStatement<'c>,
    left: usize,
}

impl Reader {
    /// Returns, for each path, the newest commits in the first-parent history of `from` in which the entry at the path differs from the
    /// entry in the first parent. There are at most `count` commits for each path.
    ///
    /// # Errors
    /// Returns `UnknownCommit` if `from` was not added.
    pub fn newest_changes(
        &self,
        from: CommitId,
        paths: &[TreePath],
        count: usize,
    ) -> Result<NewestChanges> {
        let reach = self.reach(from)?.ok_or(Error::UnknownCommit)?;
        let db = self.connection();
        let mut find_path = db.prepare_cached("SELECT id FROM paths WHERE path = ?")?;
        let mut lookups = Lookups {
            lineage_after: db.prepare_cached(
                "SELECT lineage FROM changes WHERE path = ? AND lineage > ? ORDER BY lineage LIMIT 1",
            )?,
            changes: db.prepare_cached(
                "SELECT commits.id, hash, size_bytes
                 FROM changes JOIN commits USING (lineage, gen) LEFT JOIN modules ON modules.id = module
                 WHERE path = ? AND lineage = ? AND gen <= ? ORDER BY gen DESC LIMIT ?",
            )?,
            left: LOOKUPS_MAX,
        };
        let all: Vec<Position> = reach.segments().collect();
        let mut found = NewestChanges::default();
        for path in paths {
            let id: Option<i64> = find_path
                .query_row([path.as_str().as_bytes()], |row| row.get(0))
                .optional()?;
            let mut changes = Vec::new();
            if let Some(id) = id {
                let few = match all.len() > SEGMENTS_FEW {
                    true => lookups.segments_of(id, &reach, &all)?,
                    false => None,
                };
                let segments = few.as_deref().unwrap_or(&all);
                found.is_cut |= !lookups.add_changes(id, segments, count, &mut changes)?;
            }
            found.of_paths.push(changes);
        }
        Ok(found)
    }
}

impl Lookups<'_> {
    /// Returns the segments (lineages, see [`super`]) of the first-parent history in which a path was changed, nearest to the tip first;
    /// `None` if the path was changed in more than [`LINEAGES_FEW`] lineages.
    fn segments_of(
        &mut self,
        path: i64,
        reach: &Reach<'_>,
        all: &[Position],
    ) -> Result<Option<Vec<Position>>> {
        let (mut last, mut distances) = (i64::MIN, Vec::new());
        for _ in 0..=LINEAGES_FEW {
            self.left = self.left.saturating_sub(1);
            let next = self.lineage_after.query_row([path, last], |row| row.get(0));
            let Some(lineage) = next.optional()? else {
                distances.sort_unstable();
                let segments = distances.into_iter().map(|distance: usize| all[distance]);
                return Ok(Some(segments.collect()));
            };
            // If any commit of a lineage is in the first-parent history, so is its first commit. So it is enough to look up the lowest
            // possible position in the lineage.
            distances.extend(reach.trunk_distance((lineage, i64::MIN)));
            last = lineage;
        }
        Ok(None)
    }

    /// Adds the newest changes of a path to `changes`, until there are `count`. `segments` are parts of a first-parent history, newest
    /// first. Returns `false` if the limit on queries is reached first.
    fn add_changes(
        &mut self,
        path: i64,
        segments: &[Position],
        count: usize,
        changes: &mut Vec<PathChangeEntry>,
    ) -> Result<bool> {
        for (lineage, gen_) in segments {
            if changes.len() >= count {
                break;
            }
            if self.left == 0 {
                return Ok(false);
            }
            self.left -= 1;
            let wanted = i64::try_from(count - changes.len()).unwrap_or(i64::MAX);
            let mut rows = self.changes.query([path, *lineage, *gen_, wanted])?;
            while let Some(row) = rows.next()? {
                let module: Option<Vec<u8>> = row.get(1)?;
                let size_bytes: Option<i64> = row.get(2)?;
                changes.push(PathChangeEntry {
                    commit: commit_id(&row.get::<_, Vec<u8>>(0)?)?,
                    module: module.as_deref().map(module_hash).transpose()?,
                    size_bytes: size_bytes.map(i64::unsigned_abs),
                });
            }
        }
        Ok(true)
    }
}
