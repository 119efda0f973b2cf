//! A view: the tree of modules that a read answers from.

use super::error::{Error, Result};
use super::open::Store;
use crate::names::{BranchName, CommitId};
use crate::repo::TreeId;

/// What a read looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revision {
    /// The tip of a branch; `None` is the default one.
    Branch(Option<BranchName>),
    /// A commit.
    Commit(CommitId),
    /// What [`Store::as_of`] looked up.
    Resolved(ResolvedRevision),
}

/// A commit that was looked up a moment ago, or that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResolvedRevision(View);

impl Default for Revision {
    fn default() -> Self {
        Self::Branch(None)
    }
}

/// One commit's tree; of a branch without a commit, nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct View {
    pub commit: Option<CommitId>,
    pub tree: Option<TreeId>,
}

impl Store {
    /// Answers from the tree at `at`. When an object is found missing, the ref is read again and `answer` asked once more: a
    /// `gc` may have replaced the history meanwhile.
    pub(super) fn read<T>(
        &self,
        at: &Revision,
        mut answer: impl FnMut(View) -> Result<T>,
    ) -> Result<T> {
        let mut attempt = || self.view(at).and_then(&mut answer);
        match attempt() {
            Err(error) if error.is_missing_object() && matches!(at, Revision::Branch(_)) => {
                attempt()
            }
            other => other,
        }
    }

    /// Answers `verb` as of the commit that `at` leads to now, and says which that is: `None` while there is no commit. When an
    /// object is found missing, the ref is read again, as after a `gc`.
    pub fn as_of<T>(
        &self,
        at: &Revision,
        mut verb: impl FnMut(&Revision) -> Result<T>,
    ) -> Result<(Option<CommitId>, T)> {
        self.read(at, |view| {
            let answer = verb(&Revision::Resolved(ResolvedRevision(view)))?;
            Ok((view.commit, answer))
        })
    }

    /// The commit that `at` names now.
    ///
    /// # Errors
    /// Unknown branch or commit; the branch has no commit yet.
    pub fn snapshot(&self, at: &Revision) -> Result<CommitId> {
        let commit = self.read(at, |view| Ok(view.commit))?;
        match (commit, at) {
            (Some(commit), _) => Ok(commit),
            (None, Revision::Branch(Some(branch))) => Err(Error::NoCommit(branch.to_string())),
            (None, _) => Err(Error::NoCommit(
                self.repo.refs().default_branch()?.to_string(),
            )),
        }
    }

    fn view(&self, at: &Revision) -> Result<View> {
        let commit = match at {
            Revision::Resolved(ResolvedRevision(view)) => return Ok(*view),
            Revision::Commit(commit) => Some(self.repo.objects().commit(*commit)?),
            Revision::Branch(branch) => match self.tip(branch.as_ref())? {
                Some(tip) => Some(self.repo.objects().linked_commit(tip)?),
                None => None,
            },
        };
        Ok(View {
            commit: commit.as_ref().map(|commit| commit.id),
            tree: commit.map(|commit| commit.tree),
        })
    }

    /// The tip of a branch; `None` if it is the default branch and has no commit yet.
    pub(super) fn tip(&self, branch: Option<&BranchName>) -> Result<Option<CommitId>> {
        let default = self.repo.refs().default_branch();
        let Some(branch) = branch else {
            return Ok(self.repo.refs().tip(&default?)?);
        };
        match self.repo.refs().tip(branch)? {
            None if default.ok().as_ref() != Some(branch) => {
                Err(crate::repo::Error::UnknownBranch(branch.to_string()).into())
            }
            tip => Ok(tip),
        }
    }
}
