//! Reading refs. All other data is looked up by object id. A single ref is read again on every request. A list of refs may reuse the
//! unchanged part of an earlier list: see `reuse.rs`. Code that decides what to remove reads every ref again.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use gix::bstr::{BStr, BString, ByteSlice};
use gix::refs::Target;

use crate::names::{BranchName, CommitId, ObjectId, RefName};
use crate::repo::broken_ref::BrokenRef;
use crate::repo::error::{Error, Result};
use crate::repo::failpoints::step;
use crate::repo::ids::{commit_id, object_id};
use crate::repo::refs::lock::HEAD;
use crate::repo::refs::store::RefStore;

/// The prefix of the full names of branches.
pub(in crate::repo::refs) const HEADS: &str = "refs/heads/";
/// The prefix of the full names of tags.
const TAGS: &str = "refs/tags/";
/// The default branch of a store that does not exist yet.
const DEFAULT_BRANCH: &str = "main";
/// The size of the buffer for a loose ref's file, in bytes. A longer file is read by gix.
const REF_BYTES_MAX: usize = 512;
/// The maximum length of a chain of symbolic refs.
pub(in crate::repo::refs) const SYMBOLIC_MAX: usize = 5;

/// The branches, the tags and the registry ref (`refs/oci/records`) of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BranchesAndTags {
    /// The refs that the store can read and write, with the object that each names, sorted by name.
    pub tips: Vec<(RefName, ObjectId)>,
    /// The full names of all other refs: broken refs, symbolic refs, and refs with names that the store does not accept.
    pub others: BTreeSet<String>,
}

impl RefStore {
    /// Returns the default branch, which `HEAD` names, whether or not it has a commit yet.
    ///
    /// # Errors
    /// `NotAStore` if `HEAD` names no branch.
    pub fn default_branch(&self) -> Result<BranchName> {
        if let Some(branch) = self.loose_head() {
            return Ok(branch);
        }
        let Some(repo) = self.objects.handle() else {
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

    /// Returns the tip of a branch, or of the default branch if `branch` is `None`, if that branch is a loose ref and not symbolic. If this
    /// returns `None`, the caller must use [`Self::tip`]. Every request calls this first, because opening two small files is much faster
    /// than reading refs with gix.
    pub fn loose_tip(&self, branch: Option<&BranchName>) -> Option<CommitId> {
        match branch {
            Some(branch) => self.loose_ref(&branch.full_ref()),
            None => self.loose_ref(&self.loose_head()?.full_ref()),
        }
    }

    fn loose_head(&self) -> Option<BranchName> {
        if self.objects.is_absent() {
            return None;
        }
        let mut buffer = [0; REF_BYTES_MAX];
        let head = read_small(&self.root().join(HEAD), &mut buffer)?;
        let name = head.strip_prefix("ref: ")?.strip_suffix('\n')?;
        branch_name(name.into())
    }

    /// Returns the id in a loose ref's file, if the file contains only an id. A loose ref takes precedence over a packed one.
    pub(in crate::repo) fn loose_ref(&self, name: &str) -> Option<CommitId> {
        if self.objects.is_absent() {
            return None;
        }
        step("read ref").ok()?;
        let mut buffer = [0; REF_BYTES_MAX];
        let text = read_small(&self.root().join(name), &mut buffer)?;
        CommitId::parse(text.strip_suffix('\n')?).ok()
    }

    /// Returns the branches, the tags and the ref of the OCI registry, each with the id of its object, and the names of all other refs.
    pub fn branches_and_tags(&self) -> Result<BranchesAndTags> {
        let list = self.list_changes("refs/")?;
        let mut found = BranchesAndTags::default();
        for (name, target) in list.refs {
            let parsed = name
                .to_str()
                .ok()
                .and_then(|name| RefName::parse(name).ok());
            let id = target
                .try_id()
                .map(|id| ObjectId::from_bytes(id.as_bytes()));
            match (parsed, id.flatten()) {
                (Some(name), Some(id)) => found.tips.push((name, id)),
                _ => drop(found.others.insert(name.to_string())),
            }
        }
        let broken = list.broken.into_iter().map(|broken| broken.name);
        found.others.extend(broken);
        Ok(found)
    }

    /// Returns the names of all branches, sorted. Broken branches are left out.
    pub fn branches(&self) -> Result<Vec<BranchName>> {
        let list = self.list_changes(HEADS)?;
        Ok(list
            .refs
            .iter()
            .filter_map(|(name, _)| branch_name(name.as_bstr()))
            .collect())
    }

    /// Returns every branch with its tip, sorted by name. Broken and symbolic refs are left out.
    pub fn branch_tips(&self) -> Result<Vec<(BranchName, CommitId)>> {
        Ok(tips_of(self.list_changes(HEADS)?.refs))
    }

    /// Returns a ref of the same kind, possibly a broken one, whose name is a parent directory of `name`, or the reverse.
    pub(crate) fn conflicting(&self, name: &RefName) -> Result<Option<RefName>> {
        let list = self.list(match name {
            RefName::Branch(_) => HEADS,
            RefName::Tag(_) => TAGS,
            RefName::Oci => return Ok(None),
        })?;
        let readable = list.refs.iter().map(|(name, _)| name.as_bstr());
        let broken = list.broken.iter().map(|broken| broken.name.as_bytes());
        let parsed = |name: &BStr| RefName::parse(name.to_str().ok()?).ok();
        let mut names = readable.chain(broken.map(BStr::new)).filter_map(parsed);
        Ok(names.find(|existing| existing.conflicts_with(name)))
    }

    /// Returns the commit that a branch points to; `None` if the branch does not exist.
    pub fn tip(&self, branch: &BranchName) -> Result<Option<CommitId>> {
        if let Some(commit) = self.loose_tip(Some(branch)) {
            return Ok(Some(commit));
        }
        let Some(repo) = self.objects.handle() else {
            return Ok(None);
        };
        Ok(read_tip(&repo, &branch.full_ref())?.map(|id| commit_id(&id)))
    }

    /// Returns the object that a ref leads to; `None` if the ref does not exist.
    pub fn object_of(&self, name: &RefName) -> Result<Option<ObjectId>> {
        let Some(repo) = self.objects.handle() else {
            return Ok(None);
        };
        let id = read_tip(&repo, &name.to_string())?;
        Ok(id.and_then(|id| ObjectId::from_bytes(id.as_bytes())))
    }

    /// Returns the tip of `refs/oci/records`, the ref of the OCI registry; `None` if no OCI client has pushed anything yet.
    pub fn oci_tip(&self) -> Result<Option<CommitId>> {
        let name = RefName::Oci.to_string();
        if let Some(commit) = self.loose_ref(&name) {
            return Ok(Some(commit));
        }
        let Some(repo) = self.objects.handle() else {
            return Ok(None);
        };
        Ok(read_tip(&repo, &name)?.map(|id| commit_id(&id)))
    }

    /// Returns the branch to write to: `branch`, or the default branch if it is `None`. If that branch is a symbolic ref, returns the
    /// branch to which it leads.
    pub(crate) fn resolve_branch(&self, branch: Option<&BranchName>) -> Result<BranchName> {
        let mut branch =
            branch.map_or_else(|| self.default_branch(), |branch| Ok(branch.clone()))?;
        if self.loose_tip(Some(&branch)).is_some() {
            return Ok(branch);
        }
        let repo = self.objects.handle_for(HEAD)?;
        for _ in 0..SYMBOLIC_MAX {
            let reference = repo
                .try_find_reference(branch.full_ref().as_str())
                .map_err(failed_to_read(&branch.full_ref()))?;
            let Some(Target::Symbolic(to)) = reference.map(|reference| reference.inner.target)
            else {
                return Ok(branch);
            };
            branch = branch_name(to.as_bstr())
                .ok_or_else(|| Error::UnknownBranch(to.as_bstr().to_string()))?;
        }
        Err(Error::UnknownBranch(branch.to_string()))
    }

    /// Returns every ref below `prefix` with the object that it names, sorted by name. Symbolic refs are left out, because the refs to
    /// which they lead reach the same objects.
    pub(crate) fn direct_refs(&self, prefix: &str) -> Result<Vec<(BString, gix::ObjectId)>> {
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

    /// Returns every ref below `prefix` that is not broken, sorted by name.
    pub(crate) fn all_refs(&self, prefix: &str) -> Result<Vec<(BString, Target)>> {
        Ok(self.list(prefix)?.refs)
    }

    /// Returns the target of a ref; `None` if the ref does not exist.
    pub(crate) fn target(&self, name: &str) -> Result<Option<Target>> {
        let repo = self.objects.handle_for(name)?;
        let loose = self.loose_ref(name);
        if let Some(id) = loose.and_then(|id| object_id(&repo, id.as_bytes())) {
            return Ok(Some(Target::Object(id)));
        }
        let reference = repo
            .try_find_reference(name)
            .map_err(failed_to_read(name))?;
        Ok(reference.map(|reference| reference.inner.target))
    }

    /// Returns the commit that a detached `HEAD` names; `None` if `HEAD` names a branch.
    pub(crate) fn detached_head(&self) -> Result<Option<gix::ObjectId>> {
        let Some(repo) = self.objects.handle() else {
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

/// Returns the branches in `refs` that are not symbolic, with their tips.
pub(in crate::repo::refs) fn tips_of(refs: Vec<(BString, Target)>) -> Vec<(BranchName, CommitId)> {
    let tips = refs.into_iter().filter_map(|(name, target)| {
        let id = target.try_id()?;
        Some((branch_name(name.as_bstr())?, commit_id(id)))
    });
    tips.collect()
}

/// Returns the object that the ref with this full name leads to, following symbolic refs; `None` if the ref does not exist.
pub(crate) fn read_tip(repo: &gix::Repository, name: &str) -> Result<Option<gix::ObjectId>> {
    let found = repo.try_find_reference(name);
    match found.map_err(failed_to_read(name))? {
        None => Ok(None),
        Some(mut reference) => {
            let object = reference.follow_to_object();
            Ok(Some(object.map_err(failed_to_read(name))?.detach()))
        }
    }
}

/// Returns a function that converts gix's error about reading a ref to `BrokenRef`, or to `Database` if an I/O error was the cause.
fn failed_to_read(name: &str) -> impl FnOnce(gix::Error) -> Error {
    let name = name.to_owned();
    move |error| {
        let is_dangling = error.is_not_found();
        let failed = Error::database(format!("read {name}"))(error);
        if failed.io_kind().is_some() && !is_dangling {
            return failed;
        }
        Error::BrokenRef(BrokenRef {
            name,
            reason: "it contains neither the id of an object nor the name of an existing ref"
                .to_owned(),
        })
    }
}

/// Returns the text of a file; `None` if it fills the buffer, is not UTF-8, or cannot be read.
fn read_small<'b>(path: &Path, buffer: &'b mut [u8; REF_BYTES_MAX]) -> Option<&'b str> {
    let length = File::open(path).ok()?.read(buffer).ok()?;
    (length < buffer.len()).then(|| std::str::from_utf8(&buffer[..length]).ok())?
}

fn branch_name(full: &BStr) -> Option<BranchName> {
    full.to_str().ok()?.strip_prefix(HEADS)?.parse().ok()
}
