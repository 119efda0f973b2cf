//! Revisions: the branch or commit that a read uses.

use super::error::{Error, Result};
use super::open::Store;
use crate::names::{BranchName, CommitId, Error as NameError, RevisionName};
use crate::repo::TreeId;

/// The branch or commit whose tree or history is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revision {
    /// The tip of a branch; `None` is the default branch.
    Branch(Option<BranchName>),
    /// A commit.
    Commit(CommitId),
    /// The commit that a name refers to, such as `main~2` or an abbreviated id.
    Named(RevisionName),
    /// A revision that [`Store::as_of`] resolved.
    Resolved(ResolvedRevision),
}

/// The commit and tree that a revision resolved to; `None` for a branch without a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResolvedRevision {
    pub(super) commit: Option<CommitId>,
    pub(super) tree: Option<TreeId>,
}

impl Revision {
    /// Parses a commit's id, or the name of a branch, a tag or another revision.
    ///
    /// # Errors
    /// `Revision` for a malformed name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        match CommitId::parse(text) {
            Ok(commit) => Ok(Self::Commit(commit)),
            Err(_) => RevisionName::parse(text).map(Self::Named),
        }
    }

    /// Returns the same revision with `HEAD`, or nothing before `@{DATE}`, standing for a branch.
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
    /// Runs `read` on the resolved revision. If an object of a branch is missing, resolves the branch again and repeats `read` once: a
    /// `gc` may have squashed the history in between.
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

    /// Runs `operation` on the commit that `revision` resolves to now, and returns that commit with the result; `None` for a branch
    /// without a commit. Repeats the operation once on the new tip if a `gc` removed an object.
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

    /// Returns the commit that `revision` resolves to now.
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

    /// Returns the id of the commit that `revision` resolves to now. An id that `revision` has already is returned unchanged, whether or not
    /// there is such a commit.
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
                // The name of the default branch reads as an empty tree before its first commit, as the branch itself does.
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

    /// Returns the tip of a branch; `None` if it is the default branch and has no commit yet.
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
