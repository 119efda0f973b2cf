//! Follows the history of a module to the paths from which it was moved, as `git log --follow` does.

use std::collections::HashSet;

use super::exit::Result;
use super::path_history::moved_from;
use crate::names::{CommitId, ModulePath};
use crate::remote::StoreOperations;
use crate::store::Revision;

/// The commits that changed a module while it was at one path.
pub(super) struct PathSegment {
    /// The move that put the module at the path; `None` if no commit did.
    pub origin: Option<Origin>,
    /// The ids of the commits since the move.
    commits: HashSet<String>,
}

/// A commit that moved a module, and where the module was before.
pub(super) struct Origin {
    /// The id of the commit.
    moved_by: String,
    /// The parent of the commit, whose history has the earlier changes.
    pub revision: Revision,
    /// The path of the module in that history.
    pub path: ModulePath,
}

impl PathSegment {
    /// Finds the newest segment of the history of the module at `path`. A module was moved if a commit removed it from one path and added
    /// the same bytes at another one. The origin is in the history of an ancestor, so the number of segments is limited by the history.
    pub fn newest(
        store: &dyn StoreOperations,
        revision: &Revision,
        path: &ModulePath,
    ) -> Result<Self> {
        let changes = store.audit(revision, path)?;
        let (mut commits, mut origin) = (HashSet::new(), None);
        for (at, (commit, module)) in changes.iter().enumerate() {
            commits.insert(commit.commit.clone());
            let older = changes.get(at + 1).and_then(|(_, module)| *module);
            if module.is_none() || older.is_some() {
                continue;
            }
            let origins = moved_from(store, commit, path.as_tree_path())?;
            if let (Some(from), Some(parent)) = (origins.first(), commit.parents.first()) {
                origin = Some(Origin {
                    moved_by: commit.commit.clone(),
                    revision: Revision::Commit(CommitId::parse(parent)?),
                    path: from.clone(),
                });
                break;
            }
        }
        Ok(Self { origin, commits })
    }

    /// Returns whether a commit that changed the path belongs to the segment.
    pub fn contains(&self, commit: &str) -> bool {
        self.origin.is_none() || self.commits.contains(commit)
    }

    /// Returns whether a commit moved the module to the path.
    pub fn is_moved_by(&self, commit: &str) -> bool {
        let origin = self.origin.as_ref();
        origin.is_some_and(|origin| origin.moved_by == commit)
    }
}
