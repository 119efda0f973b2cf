//! Previews a garbage collection: returns what it would drop from the history of a branch.

use std::collections::HashSet;

use super::collect::History;
use super::kept_for_refs::KeptForRefs;
use super::retention::Retention;
use crate::names::BranchName;
use crate::repo::DroppedVersions;
use crate::store::error::Result;
use crate::store::open::Store;

/// The commits and versions that a garbage collection would drop from the history of a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GcPreview {
    /// The branch whose history would become shorter.
    pub branch: BranchName,
    /// The number of commits by which the history would become shorter.
    pub commits: usize,
    /// The number of versions of modules that would be dropped.
    pub versions: usize,
    /// The size of the modules of these versions before compression, in bytes. Less space may be freed, because the modules may be stored
    /// as deltas, or be in use elsewhere.
    pub module_bytes: u64,
    /// The versions that `History::Retain` would drop if no other ref reached them; `None` if there are none.
    pub kept_for_refs: Option<KeptForRefs>,
}

impl Store {
    /// Returns what [`gc`](Self::gc) would drop from the history of the branch. Changes nothing.
    ///
    /// # Errors
    /// Unknown branch; a path never existed.
    pub fn preview_gc(&self, branch: Option<&BranchName>, history: &History) -> Result<GcPreview> {
        // Returns an error if there is no such branch.
        self.tip(branch)?;
        let branch = match branch {
            Some(branch) => branch.clone(),
            None => self.repo.refs().default_branch()?,
        };
        let mut nothing = GcPreview {
            branch: branch.clone(),
            commits: 0,
            versions: 0,
            module_bytes: 0,
            kept_for_refs: None,
        };
        let own = match history {
            History::Keep => None,
            History::Squash | History::Retain(_) => {
                let branch = self.repo.refs().resolve_branch(Some(&branch))?;
                self.repo.own_history(&branch)?
            }
        };
        let kept_for_refs = match history {
            History::Keep | History::Squash => None,
            History::Retain(retention) => self.kept_for_refs(&branch, own.as_ref(), retention)?,
        };
        let Some(own) = own else {
            nothing.kept_for_refs = kept_for_refs;
            return Ok(nothing);
        };
        if *history == History::Squash && own.commits.len() < 2 {
            return Ok(nothing);
        }
        let squash = Retention::default();
        let retention = match history {
            History::Retain(retention) => retention,
            History::Squash | History::Keep => &squash,
        };
        let dropped = self.dropped_versions(&own, retention)?;
        let commits = match history {
            History::Retain(_) => self.repo.count_dropped_commits(&own, &dropped)?,
            History::Squash | History::Keep => own.commits.len() - 1,
        };
        Ok(GcPreview {
            branch,
            commits,
            versions: dropped.len(),
            module_bytes: self.module_bytes(&dropped)?,
            kept_for_refs,
        })
    }

    fn module_bytes(&self, dropped: &DroppedVersions) -> Result<u64> {
        let modules: HashSet<_> = dropped.modules().collect();
        let mut total = 0;
        for module in modules {
            let size_bytes = self.repo.objects().blob_size_bytes(module)?;
            total += size_bytes.unwrap_or(0);
        }
        Ok(total)
    }
}
