//! Revisions: the branch or commit from which a request reads.

use super::error::{Error, Result};
use super::open::Store;
use crate::names::{BranchName, CommitId, Error as NameError, RevisionName};
use crate::repo::TreeId;

/// The branch or commit whose tree or history is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revision {
    /// The tip of a branch; `None` is the default branch.
    Branch(Option<BranchName>),
    /// The commit with this id.
    Commit(CommitId),
    /// The commit that a name refers to, such as `main~2` or an abbreviated id.
    Named(RevisionName),
    /// The commit to which [`Store::as_of`] resolved a revision.
    Resolved(ResolvedRevision),
}

/// The commit to which a revision resolved, and its tree; both are `None` for a branch without a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResolvedRevision {
    pub(super) commit: Option<CommitId>,
    pub(super) tree: Option<TreeId>,
}

impl Revision {
    /// Parses a commit id, or the name of a branch, a tag or another revision.
    ///
    /// # Errors
    /// `Revision` if the name is malformed.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        match CommitId::parse(text) {
            Ok(commit) => Ok(Self::Commit(commit)),
            Err(_) => RevisionName::parse(text).map(Self::Named),
        }
    }

    /// Returns the same revision, but with `branch` in place of `HEAD`, and in place of the missing name if the revision begins with
    /// `@{DATE}`.
    #[must_use]
    pub fn on_branch(self, branch: Option<BranchName>) -> Self {
        match self {
            Self::Named(name) => Self::Named(name.on_branch(branch)),
            other => other,
        }
    }
}

impl Default for Revision {
    fn default() -> Self {
        Self::Branch(None)
    }
}

impl Store {
    /// Resolves `revision` and runs `read` on the result. If an object of a branch is missing, resolves the branch again and runs `read`
    /// once more, because a `gc` may have squashed the history in between.
    pub(super) fn read<T>(
        &self,
        revision: &Revision,
        mut read: impl FnMut(ResolvedRevision) -> Result<T>,
    ) -> Result<T> {
        let mut attempt = || self.resolve_revision(revision).and_then(&mut read);
        match attempt() {
            Err(error)
                if error.is_missing_object()
                    && matches!(revision, Revision::Branch(_) | Revision::Named(_)) =>
            {
                attempt()
            }
            result => result,
        }
    }

    /// Runs `operation` on the commit to which `revision` resolves now. Returns that commit, or `None` for a branch without a commit, and
    /// the result. If a `gc` removed an object, runs the operation once more on the new tip.
    pub fn as_of<T>(
        &self,
        revision: &Revision,
        mut operation: impl FnMut(&Revision) -> Result<T>,
    ) -> Result<(Option<CommitId>, T)> {
        self.read(revision, |resolved| {
            let result = operation(&Revision::Resolved(resolved))?;
            Ok((resolved.commit, result))
        })
    }

    /// Returns the commit to which `revision` resolves now.
    ///
    /// # Errors
    /// Unknown branch or commit; the branch has no commit yet.
    pub fn snapshot(&self, revision: &Revision) -> Result<CommitId> {
        let commit = self.read(revision, |resolved| Ok(resolved.commit))?;
        match (commit, revision) {
            (Some(commit), _) => Ok(commit),
            (None, Revision::Branch(Some(branch))) => Err(Error::NoCommit(branch.to_string())),
            (None, _) => Err(Error::NoCommit(
                self.repo.refs().default_branch()?.to_string(),
            )),
        }
    }

    /// Returns the id of the commit to which `revision` resolves now. If `revision` is a commit id, returns it unchanged, without checking
    /// that the commit exists.
    ///
    /// # Errors
    /// As for [`snapshot`](Self::snapshot).
    pub fn commit_id(&self, revision: &Revision) -> Result<CommitId> {
        match revision {
            Revision::Commit(commit) => Ok(*commit),
            revision => self.snapshot(revision),
        }
    }

    fn resolve_revision(&self, revision: &Revision) -> Result<ResolvedRevision> {
        let commit = match revision {
            Revision::Resolved(resolved) => return Ok(*resolved),
            Revision::Commit(commit) => Some(self.named_commit(*commit)?),
            Revision::Named(name) => match self.commit_of_name(name) {
                // The name of a default branch without a commit resolves to an empty tree, like [`Revision::Branch`].
                Err(Error::NoCommit(_)) if name.is_plain() => None,
                commit => Some(commit?),
            },
            Revision::Branch(branch) => match self.tip(branch.as_ref())? {
                Some(tip) => Some(self.repo.objects().linked_commit(tip)?),
                None => None,
            },
        };
        Ok(ResolvedRevision {
            commit: commit.as_ref().map(|commit| commit.id),
            tree: commit.map(|commit| commit.tree),
        })
    }

    /// Returns the tip of a branch; `None` if the branch is the default branch and has no commit yet.
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
