//! An overview of a store: the numbers of its branches, tags, modules and commits, and its size.

use std::ops::ControlFlow;

use super::error::{Error, Result};
use super::open::Store;
use super::revision::Revision;
use crate::names::{BranchName, RefName, TreePath};
use crate::repo::Commit;

/// The maximum number of modules that are counted. Counting to this limit, or to [`COMMITS_MAX`], takes a tenth of a second.
const MODULES_MAX: usize = 100_000;
/// The maximum number of commits that are counted.
const COMMITS_MAX: usize = 10_000;

/// An overview of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// The default branch.
    pub default_branch: BranchName,
    /// The number of branches.
    pub branches: usize,
    /// The number of tags.
    pub tags: usize,
    /// The number of modules on the requested branch.
    pub modules: CappedCount,
    /// The number of commits on the requested branch.
    pub commits: CappedCount,
    /// The size of all objects of the store on disk, in bytes.
    pub objects_bytes: u64,
    /// The tip of the requested branch; `None` if the branch has no commit.
    pub newest: Option<Commit>,
}

/// A number that is counted only up to a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CappedCount {
    /// The actual number if it does not exceed the limit; otherwise the limit.
    pub count: usize,
    /// Whether the actual number is higher than the limit.
    pub has_more: bool,
}

impl Store {
    /// Returns an overview of the store and of `revision`. The counts have limits, so that a large store does not make this slow.
    ///
    /// # Errors
    /// Unknown branch or commit.
    pub fn overview(&self, revision: &Revision) -> Result<Overview> {
        let refs = self.refs()?;
        let count = |is_counted: fn(&RefName) -> bool| {
            let names = refs.iter().map(|(name, _)| name);
            names.filter(|name| is_counted(name)).count()
        };
        let (newest, (modules, commits)) = self.as_of(revision, |resolved| {
            Ok((self.count_modules(resolved)?, self.count_commits(resolved)?))
        })?;
        Ok(Overview {
            default_branch: self.default_branch()?,
            branches: count(|name| matches!(name, RefName::Branch(_))),
            tags: count(|name| matches!(name, RefName::Tag(_))),
            modules,
            commits,
            objects_bytes: self.repo.objects().disk_bytes()?,
            newest: newest.map(|commit| self.commit(commit)).transpose()?,
        })
    }

    fn count_modules(&self, revision: &Revision) -> Result<CappedCount> {
        let mut count = 0;
        let first_uncounted = self.read(revision, |resolved| {
            count = 0;
            let Some(tree) = resolved.tree else {
                return Ok(None);
            };
            let count_one = |_, _| {
                if count == MODULES_MAX {
                    return ControlFlow::Break(());
                }
                count += 1;
                ControlFlow::Continue(())
            };
            Ok(self
                .repo
                .objects()
                .walk_modules(tree, &TreePath::root(), count_one)?)
        })?;
        Ok(CappedCount {
            count,
            has_more: first_uncounted.is_some(),
        })
    }

    /// Returns the number of commits of a branch or commit, up to a limit.
    ///
    /// # Errors
    /// Unknown branch or commit.
    pub fn count_commits(&self, revision: &Revision) -> Result<CappedCount> {
        let Some(tip) = self.read(revision, |resolved| Ok(resolved.commit))? else {
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
