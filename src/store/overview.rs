//! What is in a store, at a glance.

use std::ops::ControlFlow;

use super::error::{Error, Result};
use super::open::Store;
use super::revision::Revision;
use crate::names::{BranchName, RefName, TreePath};
use crate::repo::Commit;

/// How many modules are counted, and how many commits. To count so many takes a tenth of a second.
const MODULES_MAX: usize = 100_000;
const COMMITS_MAX: usize = 10_000;

/// What is in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// What `HEAD` names.
    pub default_branch: BranchName,
    /// How many branches there are.
    pub branches: usize,
    /// How many tags there are.
    pub tags: usize,
    /// How many modules the branch asked for has.
    pub modules: CappedCount,
    /// How many commits it has.
    pub commits: CappedCount,
    /// How many bytes the objects of the whole store take on the disk.
    pub objects_bytes: u64,
    /// The newest commit of the branch; `None` if it has none.
    pub newest: Option<Commit>,
}

/// A number that was counted up to a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CappedCount {
    /// The number, or the limit.
    pub count: usize,
    /// Whether there are more.
    pub has_more: bool,
}

impl Store {
    /// What is in the store, and on the branch that `at` names. It takes no longer in a large store than in one of some thousand
    /// modules and commits.
    ///
    /// # Errors
    /// Unknown branch or commit.
    pub fn overview(&self, at: &Revision) -> Result<Overview> {
        let refs = self.refs()?;
        let branches = refs
            .iter()
            .filter(|(name, _)| matches!(name, RefName::Branch(_)));
        let branches = branches.count();
        let (newest, (modules, commits)) = self.as_of(at, |at| {
            Ok((self.count_modules(at)?, self.count_commits(at)?))
        })?;
        Ok(Overview {
            default_branch: self.default_branch()?,
            branches,
            tags: refs.len() - branches,
            modules,
            commits,
            objects_bytes: self.repo.objects().disk_bytes()?,
            newest: newest.map(|commit| self.commit(commit)).transpose()?,
        })
    }

    fn count_modules(&self, at: &Revision) -> Result<CappedCount> {
        let mut count = 0;
        let more = self.read(at, |view| {
            count = 0;
            let Some(tree) = view.tree else {
                return Ok(None);
            };
            let each = |_, _| {
                if count == MODULES_MAX {
                    return ControlFlow::Break(());
                }
                count += 1;
                ControlFlow::Continue(())
            };
            Ok(self
                .repo
                .objects()
                .walk_modules(tree, &TreePath::root(), each)?)
        })?;
        Ok(CappedCount {
            count,
            has_more: more.is_some(),
        })
    }

    fn count_commits(&self, at: &Revision) -> Result<CappedCount> {
        let Some(tip) = self.read(at, |view| Ok(view.commit))? else {
            return Ok(CappedCount {
                count: 0,
                has_more: false,
            });
        };
        let all = self
            .repo
            .objects()
            .unknown_history(tip, COMMITS_MAX, |_| Ok::<_, Error>(false))?;
        Ok(CappedCount {
            count: all.as_ref().map_or(COMMITS_MAX, Vec::len),
            has_more: all.is_none(),
        })
    }
}
