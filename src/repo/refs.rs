//! Refs: which branches there are, and where they point. Only these are read anew each time; all else is found by id.

use gix::bstr::{BStr, BString, ByteSlice};
use gix::refs::Target;

use super::error::{Error, Result};
use super::open::{Repository, commit_id};
use crate::names::{BranchName, CommitId};

/// The default branch of a store that does not exist yet.
const DEFAULT_BRANCH: &str = "main";
/// How many symbolic refs may follow one another.
const SYMBOLIC_MAX: usize = 5;

impl Repository {
    /// The default branch: what `HEAD` names, whether or not it has a commit yet.
    ///
    /// # Errors
    /// `HEAD` names no branch.
    pub fn default_branch(&self) -> Result<BranchName> {
        let Some(repo) = self.local() else {
            return Ok(DEFAULT_BRANCH.parse().expect("BUG: main is a branch name"));
        };
        let head = repo.head_name().map_err(Error::database("read HEAD"))?;
        let name = head.as_ref().and_then(|name| branch_name(name.as_bstr()));
        name.ok_or_else(|| Error::NotAStore {
            root: self.root().to_owned(),
            reason: "its HEAD names no branch; choose one with `wasmstore branch --default NAME`"
                .to_owned(),
        })
    }

    /// The names of all branches, sorted.
    pub fn branches(&self) -> Result<Vec<BranchName>> {
        let refs = self.all_refs("refs/heads/")?;
        Ok(refs
            .iter()
            .filter_map(|(name, _)| branch_name(name.as_bstr()))
            .collect())
    }

    /// The commit that a branch points to; `None` if there is no such branch.
    pub fn tip(&self, branch: &BranchName) -> Result<Option<CommitId>> {
        let Some(repo) = self.local() else {
            return Ok(None);
        };
        Ok(read_tip(&repo, branch)?.map(|id| commit_id(&id)))
    }

    /// The branch to change: the given one, or the default one; where that is a symbolic ref, the branch that it leads to.
    pub(super) fn branch_or_default(&self, branch: Option<&BranchName>) -> Result<BranchName> {
        let mut branch =
            branch.map_or_else(|| self.default_branch(), |branch| Ok(branch.clone()))?;
        let repo = self.local_for("HEAD")?;
        for _ in 0..SYMBOLIC_MAX {
            let reference = repo
                .try_find_reference(branch.full_ref().as_str())
                .map_err(Error::database(format!("read branch {branch}")))?;
            let Some(Target::Symbolic(to)) = reference.map(|reference| reference.inner.target)
            else {
                return Ok(branch);
            };
            branch = branch_name(to.as_bstr())
                .ok_or_else(|| Error::UnknownBranch(to.as_bstr().to_string()))?;
        }
        Err(Error::UnknownBranch(branch.to_string()))
    }

    /// Every ref below `prefix` with the object that it names, sorted by name. Symbolic refs are left out: they add nothing to
    /// what the others reach.
    pub(super) fn refs_below(&self, prefix: &str) -> Result<Vec<(BString, gix::ObjectId)>> {
        let direct = |(name, target)| match target {
            Target::Object(id) => Some((name, id)),
            Target::Symbolic(_) => None,
        };
        Ok(self
            .all_refs(prefix)?
            .into_iter()
            .filter_map(direct)
            .collect())
    }

    /// Every ref below `prefix`, sorted by name.
    pub(super) fn all_refs(&self, prefix: &str) -> Result<Vec<(BString, Target)>> {
        let Some(repo) = self.local() else {
            return Ok(Vec::new());
        };
        let platform = repo.references().map_err(Error::database("list refs"))?;
        let mut refs = Vec::new();
        for reference in platform
            .prefixed(prefix)
            .map_err(Error::database("list refs"))?
        {
            let reference = reference.map_err(Error::database("list refs"))?.detach();
            refs.push((reference.name.as_bstr().to_owned(), reference.target));
        }
        refs.sort();
        Ok(refs)
    }

    /// What `HEAD` names if that is a commit and no branch.
    pub(super) fn detached_head(&self) -> Result<Option<gix::ObjectId>> {
        let Some(repo) = self.local() else {
            return Ok(None);
        };
        let head = repo.head().map_err(Error::database("read HEAD"))?;
        Ok(if head.is_detached() {
            head.id().map(gix::Id::detach)
        } else {
            None
        })
    }
}

/// The object that a branch names, following a symbolic ref.
pub(super) fn read_tip(
    repo: &gix::Repository,
    branch: &BranchName,
) -> Result<Option<gix::ObjectId>> {
    let failed = || Error::database(format!("read branch {branch}"));
    match repo
        .try_find_reference(branch.full_ref().as_str())
        .map_err(failed())?
    {
        None => Ok(None),
        Some(mut reference) => Ok(Some(
            reference.follow_to_object().map_err(failed())?.detach(),
        )),
    }
}

fn branch_name(full: &BStr) -> Option<BranchName> {
    full.to_str()
        .ok()?
        .strip_prefix("refs/heads/")?
        .parse()
        .ok()
}
