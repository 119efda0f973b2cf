//! Follows the history of a module to the paths from which it was moved, as `git log --follow` does.

use std::collections::HashSet;

use super::exit::Result;
use super::path_history::moved_from;
use crate::names::{CommitId, ModulePath};
use crate::remote::StoreOperations;
use crate::store::Revision;

/// The commits that changed a module while it was at one path.
pub(super) struct PathSegment {
    /// The path.
    pub path: ModulePath,
    /// The newest commit whose history is searched for the path.
    pub revision: Revision,
    /// The ids of the commits, if the oldest of them moved the module to the path; `None` if all commits that changed the path count.
    commits: Option<HashSet<String>>,
    /// The id of the commit that moved the module to the path; `None` if none did.
    moved_by: Option<String>,
}

impl PathSegment {
    /// Returns whether a commit that changed the path belongs to the segment.
    pub fn contains(&self, commit: &str) -> bool {
        let commits = self.commits.as_ref();
        commits.is_none_or(|commits| commits.contains(commit))
    }

    /// Returns whether a commit moved the module to the path.
    pub fn is_moved_by(&self, commit: &str) -> bool {
        self.moved_by.as_deref() == Some(commit)
    }
}

/// Returns the segments of the history of the module at `path`, the newest first. A module was moved if a commit removed it from one path
/// and added the same bytes at another one. Each segment ends at an ancestor of the commit before, so their number is limited by the
/// history.
pub(super) fn segments(
    store: &dyn StoreOperations,
    revision: &Revision,
    path: &ModulePath,
) -> Result<Vec<PathSegment>> {
    let (mut found, mut next) = (Vec::new(), Some((revision.clone(), path.clone())));
    while let Some((revision, path)) = next.take() {
        let changes = store.audit(&revision, &path)?;
        let (mut commits, mut moved_by) = (HashSet::new(), None);
        for (at, (commit, module)) in changes.iter().enumerate() {
            commits.insert(commit.commit.clone());
            let older = changes.get(at + 1).and_then(|(_, module)| *module);
            if module.is_none() || older.is_some() {
                continue;
            }
            let origins = moved_from(store, commit, path.as_tree_path())?;
            if let (Some(from), Some(parent)) = (origins.first(), commit.parents.first()) {
                let parent = Revision::Commit(CommitId::parse(parent)?);
                next = Some((parent, from.clone()));
                moved_by = Some(commit.commit.clone());
                break;
            }
        }
        found.push(PathSegment {
            path,
            revision,
            commits: next.is_some().then_some(commits),
            moved_by,
        });
    }
    Ok(found)
}
