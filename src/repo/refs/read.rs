//! Refs: which branches there are, and where they point. Only these are read anew each time; all else is found by id.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use gix::bstr::{BStr, BString, ByteSlice};
use gix::refs::Target;

use crate::names::{BranchName, CommitId, ObjectId, RefName};
use crate::repo::error::{Error, Result};
use crate::repo::ids::commit_id;
use crate::repo::lifecycle::open::Repository;

/// The default branch of a store that does not exist yet.
const DEFAULT_BRANCH: &str = "main";
/// What a ref's file in the plainest form is shorter than, in bytes.
const REF_BYTES_MAX: usize = 512;
/// How many symbolic refs may follow one another.
const SYMBOLIC_MAX: usize = 5;

impl Repository {
    /// The default branch: what `HEAD` names, whether or not it has a commit yet.
    ///
    /// # Errors
    /// `HEAD` names no branch.
    pub fn default_branch(&self) -> Result<BranchName> {
        if let Some(branch) = self.plain_head() {
            return Ok(branch);
        }
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

    /// The commit that a branch, or the default one, points to, if that stands in files of the plainest form, as it does in stores
    /// that are only used by us; else the other functions tell. This is on the way of every read.
    pub fn plain_tip(&self, branch: Option<&BranchName>) -> Option<CommitId> {
        match branch {
            Some(branch) => self.plain_ref(&branch.full_ref()),
            None => self.plain_ref(&self.plain_head()?.full_ref()),
        }
    }

    fn plain_head(&self) -> Option<BranchName> {
        if self.is_absent() {
            return None;
        }
        let mut buffer = [0; REF_BYTES_MAX];
        let head = read_small(&self.root().join("HEAD"), &mut buffer)?;
        let name = head.strip_prefix("ref: ")?.strip_suffix('\n')?;
        branch_name(name.into())
    }

    /// What a ref names, if it is a file of its own with nothing but an id in it, which then counts.
    pub(crate) fn plain_ref(&self, name: &str) -> Option<CommitId> {
        if self.is_absent() {
            return None;
        }
        let mut buffer = [0; REF_BYTES_MAX];
        let text = read_small(&self.root().join(name), &mut buffer)?;
        CommitId::parse(text.strip_suffix('\n')?).ok()
    }

    /// Every branch and tag with the object that it names, sorted by name; those with names that we would not take are left out.
    pub fn refs(&self) -> Result<Vec<(RefName, ObjectId)>> {
        let refs = self.refs_below("refs/")?.into_iter();
        let refs = refs.filter_map(|(name, id)| {
            let name = RefName::parse(name.to_str().ok()?).ok()?;
            Some((name, ObjectId::from_bytes(id.as_bytes())?))
        });
        Ok(refs.collect())
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
        if let Some(commit) = self.plain_tip(Some(branch)) {
            return Ok(Some(commit));
        }
        let Some(repo) = self.local() else {
            return Ok(None);
        };
        Ok(read_tip(&repo, branch)?.map(|id| commit_id(&id)))
    }

    /// The branch to change: the given one, or the default one; where that is a symbolic ref, the branch that it leads to.
    pub(crate) fn branch_or_default(&self, branch: Option<&BranchName>) -> Result<BranchName> {
        let mut branch =
            branch.map_or_else(|| self.default_branch(), |branch| Ok(branch.clone()))?;
        if self.plain_tip(Some(&branch)).is_some() {
            return Ok(branch);
        }
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
    pub(crate) fn refs_below(&self, prefix: &str) -> Result<Vec<(BString, gix::ObjectId)>> {
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
    pub(crate) fn all_refs(&self, prefix: &str) -> Result<Vec<(BString, Target)>> {
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
    pub(crate) fn detached_head(&self) -> Result<Option<gix::ObjectId>> {
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
pub(crate) fn read_tip(
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

/// The text of a file that is shorter than the buffer.
fn read_small<'b>(path: &Path, buffer: &'b mut [u8; REF_BYTES_MAX]) -> Option<&'b str> {
    let length = File::open(path).ok()?.read(buffer).ok()?;
    (length < buffer.len()).then(|| std::str::from_utf8(&buffer[..length]).ok())?
}

fn branch_name(full: &BStr) -> Option<BranchName> {
    full.to_str()
        .ok()?
        .strip_prefix("refs/heads/")?
        .parse()
        .ok()
}
