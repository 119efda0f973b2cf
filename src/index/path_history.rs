//! The newest changes of many paths, along first parents.

use rusqlite::params;

use super::database::Reader;
use super::digests::module_hash;
use super::error::{Error, Result};
use super::query::commit_id;
use super::trunk::Position;
use crate::names::{CommitId, ModuleHash, TreePath};

/// The maximum number of queries in one call, which makes one query for each path and each lineage of the history. If a history has too
/// many lineages, the changes in the oldest lineages are left out.
const LOOKUPS_MAX: usize = 20_000;

/// A commit that changed the entry at a path, and the module that it has there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathChangeEntry {
    /// The commit.
    pub commit: CommitId,
    /// The module at the path; `None` if the commit has no module there, but a directory or nothing.
    pub module: Option<ModuleHash>,
    /// The size of the module in bytes; `None` if its facts are not in the index.
    pub size_bytes: Option<u64>,
}

impl Reader {
    /// Returns, for each path, the newest commits in the first-parent history of `from` in which the entry at the path differs from the
    /// entry in the first parent. There are at most `count` commits for each path, the newest first.
    ///
    /// # Errors
    /// Returns `UnknownCommit` if `from` was not added.
    pub fn newest_changes(
        &self,
        from: CommitId,
        paths: &[TreePath],
        count: usize,
    ) -> Result<Vec<Vec<PathChangeEntry>>> {
        let reach = self.reach(from)?.ok_or(Error::UnknownCommit)?;
        let segments: Vec<Position> = reach.segments().collect();
        let mut find = self.connection().prepare_cached(
            "SELECT commits.id, hash, size_bytes
             FROM changes JOIN commits USING (lineage, gen) LEFT JOIN modules ON modules.id = module
             WHERE path = (SELECT id FROM paths WHERE path = ?) AND lineage = ? AND gen <= ? ORDER BY gen DESC LIMIT ?",
        )?;
        let (mut all, mut lookups) = (Vec::new(), 0);
        for path in paths {
            let mut changes = Vec::new();
            for (lineage, gen_) in &segments {
                if changes.len() >= count || lookups >= LOOKUPS_MAX {
                    break;
                }
                lookups += 1;
                let left = i64::try_from(count - changes.len()).unwrap_or(i64::MAX);
                let mut rows =
                    find.query(params![path.as_str().as_bytes(), lineage, gen_, left])?;
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
            all.push(changes);
        }
        Ok(all)
    }
}
