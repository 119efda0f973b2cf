//! Finds the commit that a name such as `main~2`, `v1.0` or `3e61ae063a` refers to.
//!
//! As in git, a full id is always a commit, and a ref has priority over an abbreviated id. Unlike in git, a branch has priority over a tag
//! of the same name, so that a pushed tag cannot change what the name of a branch means. `refs/tags/NAME` and `tags/NAME` always mean the
//! tag.

use super::error::{Error, Result};
use super::gc::now_s;
use super::open::Store;
use crate::names::{
    BranchName, CommitId, RefName, RevisionBase, RevisionName, RevisionStep, TagName,
    is_abbreviated_id,
};
use crate::repo::Commit;

/// The maximum number of commits in the error about an ambiguous id.
const CANDIDATES_MAX: usize = 5;

/// The maximum number of commits from the index whose id begins with the digits. More than one is needed, because `gc` may have deleted
/// some of them.
const INDEXED_MAX: usize = 100;

impl Store {
    /// Returns the commit that a revision name refers to.
    ///
    /// # Errors
    /// There is no such commit; the name is an abbreviated id that is ambiguous.
    pub(super) fn commit_of_name(&self, name: &RevisionName) -> Result<Commit> {
        let mut commit = self.commit_of_base(name)?;
        if let Some(until) = name.until() {
            let until_s = until.at_s(now_s());
            let newest = |index: &crate::index::Reader| Ok(index.newest_until(commit, until_s)?);
            commit = self.query_index(commit, newest)?.ok_or_else(|| {
                let reason = "the history begins after that date".to_owned();
                let name = name.to_string();
                Error::NoAncestor { name, reason }
            })?;
        }
        for step in name.steps() {
            commit = self.step(name, commit, *step)?;
        }
        Ok(self.repo.objects().linked_commit(commit)?)
    }

    fn commit_of_base(&self, name: &RevisionName) -> Result<CommitId> {
        let text = match name.base() {
            RevisionBase::Name(text) => text,
            RevisionBase::Selected(branch) => {
                let tip = self.tip(branch)?;
                let branch = match branch {
                    Some(branch) => branch.clone(),
                    None => self.default_branch()?,
                };
                return tip.ok_or_else(|| Error::NoCommit(branch.to_string()));
            }
        };
        // Reached for a name such as `<id>~1`. A full id without a step is not parsed as a name.
        if let Ok(commit) = CommitId::parse(text) {
            return Ok(self.named_commit(commit)?.id);
        }
        if let Some(commit) = self.commit_of_ref(text)? {
            return Ok(commit);
        }
        let default = self.repo.refs().default_branch();
        if default.is_ok_and(|branch| branch.as_str() == text) {
            return Err(Error::NoCommit(text.to_owned()));
        }
        if !is_abbreviated_id(text) {
            return Err(Error::UnknownName(text.to_owned()));
        }
        let found = self.commit_of_digits(text)?;
        found.ok_or_else(|| Error::UnknownRevision(text.to_owned()))
    }

    /// Returns the commit of the branch or tag with this name; `None` if there is none.
    fn commit_of_ref(&self, text: &str) -> Result<Option<CommitId>> {
        let full = RefName::parse(text).ok();
        let branch = BranchName::parse(text).ok().map(RefName::Branch);
        let tag = TagName::parse(text).ok().map(RefName::Tag);
        let short = RefName::parse(&format!("refs/{text}")).ok();
        for name in [full, branch, tag, short].into_iter().flatten() {
            let found = match &name {
                RefName::Branch(branch) => self.repo.refs().tip(branch)?,
                RefName::Tag(_) => self.commit_of_tag(&name)?,
                // The commits of the registry cannot be named: see `named_commit.rs`.
                RefName::Oci => None,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Returns the commit that a lightweight or annotated tag points to; `None` if there is no such tag.
    fn commit_of_tag(&self, name: &RefName) -> Result<Option<CommitId>> {
        let Some(object) = self.repo.refs().object_of(name)? else {
            return Ok(None);
        };
        let commit = self.repo.incoming(None, self.options.push)?.peel(object)?;
        if commit.is_none() {
            return Err(Error::NoAncestor {
                name: name.to_string(),
                reason: "the tag does not lead to a commit".to_owned(),
            });
        }
        Ok(commit)
    }

    /// Returns the only commit whose id begins with these digits; `None` if there is none.
    ///
    /// # Errors
    /// Several commit ids begin with the digits.
    fn commit_of_digits(&self, digits: &str) -> Result<Option<CommitId>> {
        self.catch_up_all()?;
        self.catch_up_tags()?;
        let mut found =
            self.with_index(|index| Ok(index.commits_with_prefix(digits, INDEXED_MAX)?))?;
        // Removes commits that `gc` has deleted: the index still contains them.
        found.retain(|id| self.repo.objects().commit(*id).is_ok());
        match found.as_slice() {
            [] => Ok(None),
            [commit] => Ok(Some(*commit)),
            several => {
                let candidates = several.iter().take(CANDIDATES_MAX);
                Err(Error::AmbiguousCommit {
                    digits: digits.to_owned(),
                    candidates: candidates.map(ToString::to_string).collect(),
                })
            }
        }
    }

    /// Adds the commits that tags reach to the version index. A tag that cannot be read is skipped.
    fn catch_up_tags(&self) -> Result<()> {
        let incoming = self.repo.incoming(None, self.options.push)?;
        for (name, tip) in self.refs()? {
            if matches!(name, RefName::Tag(_))
                && let Ok(Some(commit)) = incoming.peel(tip)
                && let Err(error) = self.query_index(commit, |_| Ok(()))
            {
                tracing::debug!(%name, %error, "cannot index a tag");
            }
        }
        Ok(())
    }

    fn step(&self, name: &RevisionName, from: CommitId, step: RevisionStep) -> Result<CommitId> {
        let (found, reason) = match step {
            RevisionStep::Ancestor(count) => {
                let query =
                    |index: &crate::index::Reader| Ok(index.first_parent_ancestor(from, count)?);
                let reason =
                    format!("the history of {from} has fewer than {count} steps to first parents");
                (self.query_index(from, query)?, reason)
            }
            RevisionStep::Parent(0) => (Some(from), String::new()),
            RevisionStep::Parent(number) => {
                let parents = self.repo.objects().linked_commit(from)?.parents;
                let reason = format!("commit {from} has {} parents", parents.len());
                (parents.get(number as usize - 1).copied(), reason)
            }
        };
        let name = name.to_string();
        found.ok_or(Error::NoAncestor { name, reason })
    }
}
