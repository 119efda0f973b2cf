//! Creating a store from a clone of another repository.
//!
//! The clone is made in a new directory in `ROOT/wasmstore/tmp`, while this process holds `refs.lock` and the marker file of a creation
//! exists (`create.rs`). So no process sees a store before its `HEAD` exists, and the next creation removes an interrupted clone. The clone
//! is on the file system of the store, even if `ROOT` is a mount point, so its files can be renamed into the store. Every file is fsynced
//! before it is renamed to its final path, `HEAD` last.
//!
//! Each clone has a directory of its own: if this process is killed, its git goes on for a moment, and removes the directory in which it
//! failed to make a clone.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use crate::config::{CacheLimits, PushLimits};
use crate::names::{BranchName, ObjectId, RefName};
use crate::repo::authority::LocalRefs;
use crate::repo::error::{Error, Result};
use crate::repo::fs::{create_dir, remove_if_there, remove_tree, sync_dir, sync_file, write_file};
use crate::repo::lifecycle::create::{ObjectFormat, create_dirs, write_store_files};
use crate::repo::lifecycle::creation_marker::CreationMarker;
use crate::repo::lifecycle::open::{CREATED_NAMES, CREATING, clear, is_absent};
use crate::repo::locks::{Guard, Locks};
use crate::repo::objects::gix_handle::{MIN_SLOTS, open_bare};
use crate::repo::parts::Parts;
use crate::repo::push::incoming::IncomingObjects;
use crate::repo::push::tree_weight::TreeScale;
use crate::repo::refs::lock::PACKED_REFS;
use crate::repo::refs::read::read_tip;

/// The default branch if the caller names none and the clone's `HEAD` names no existing branch.
const FALLBACK_BRANCH: &str = "main";

/// The directory of a store that is being created from a clone. Dropping this before [`finish`](Self::finish) has succeeded removes the
/// files that were created in the directory.
pub struct CloneTarget {
    root: PathBuf,
    clone: TempDir,
    was_missing: bool,
    is_done: bool,
    _guard: Guard,
}

impl CloneTarget {
    /// Reserves the directory `root`, which must be missing or empty; `None` if it is not.
    ///
    /// # Errors
    /// The directory cannot be read or written; another process is creating a store there.
    pub fn begin(root: &Path) -> Result<Option<Self>> {
        if !is_absent(root)? {
            return Ok(None);
        }
        let was_missing = !root.exists();
        create_dirs(root)?;
        let own_dir = root.join("wasmstore");
        create_dir(&own_dir)?;
        let guard = Locks::new(own_dir.clone()).refs()?;
        if !is_absent(root)? {
            return Ok(None);
        }
        // An interrupted creation of a copy of a store in a bucket is continued with the bucket, so its directory is not empty.
        if CreationMarker::read(root)?.is_some_and(|marker| marker.bucket.is_some()) {
            return Ok(None);
        }
        CreationMarker::default().write(root)?;
        clear(root)?;
        let tmp = own_dir.join("tmp");
        create_dir(&tmp)?;
        let clone = TempDir::with_prefix_in("clone", &tmp);
        Ok(Some(Self {
            root: root.to_owned(),
            clone: clone.map_err(Error::io("create a directory in", &tmp))?,
            was_missing,
            is_done: false,
            _guard: guard,
        }))
    }

    /// Returns the path of an empty directory, in which the caller must create a bare clone of the other repository.
    pub fn clone_dir(&self) -> &Path {
        self.clone.path()
    }

    /// Turns the clone into a store, and returns its default branch. Branches, tags and the registry ref are kept as loose refs, other refs
    /// are dropped, and the configuration is replaced. The default branch is `branch`, or else the branch that the clone's `HEAD` names, or
    /// `main`, or the only branch. The paths in the tree of each commit may have at most `tree_path_bytes_max` bytes in total.
    ///
    /// # Errors
    /// `UnknownBranch`; `LimitExceeded`; the clone is not a repository in a supported format, or it has no branch that can be the default
    /// branch.
    pub fn finish(
        mut self,
        branch: Option<&BranchName>,
        tree_path_bytes_max: u64,
    ) -> Result<BranchName> {
        let (tmp, clone) = (self.root.join("wasmstore/tmp"), self.clone_dir());
        // The minimum number of slots (packs that gix can have open) is enough, because only the configuration is read.
        let repo = open_bare(clone, MIN_SLOTS).map_err(|error| self.with_store_root(error))?;
        let format = match repo.to_thread_local().object_hash() {
            gix::hash::Kind::Sha256 => ObjectFormat::Sha256,
            _ => ObjectFormat::Sha1,
        };
        drop(repo);
        let parts = Parts::open(clone, &CacheLimits::default(), Arc::new(LocalRefs))?;
        let branch = self.choose_default_branch(&parts, branch)?;
        check_trees(&parts, tree_path_bytes_max)?;
        write_store_files(clone, &tmp, format)?;
        unpack_refs(&parts, &tmp)?;
        let head = format!("ref: {}\n", branch.full_ref());
        write_file(&tmp, &clone.join("HEAD"), head.as_bytes())?;
        drop(parts);
        self.move_into_store()?;
        self.note_durable_tips()?;
        Ok(branch)
    }

    fn choose_default_branch(
        &self,
        clone: &Parts,
        requested: Option<&BranchName>,
    ) -> Result<BranchName> {
        let branches = clone.refs.branches()?;
        let has = |branch: &BranchName| branches.binary_search(branch).is_ok();
        if let Some(requested) = requested {
            let existing = Some(requested.clone()).filter(has);
            return existing.ok_or_else(|| Error::UnknownBranch(requested.to_string()));
        }
        let refuse = |reason: String| Error::NotAStore {
            root: self.root.clone(),
            reason,
        };
        let fallback: BranchName = FALLBACK_BRANCH.parse().expect("BUG: main is a branch name");
        let head = clone.refs.default_branch().ok();
        match head.filter(has).or(Some(fallback).filter(has)) {
            Some(branch) => Ok(branch),
            None => match branches.as_slice() {
                [only] => Ok(only.clone()),
                [] => Err(refuse("the cloned repository has no branch".to_owned())),
                _ => Err(refuse(
                    "the cloned repository's HEAD names no existing branch: choose one with --branch NAME"
                        .to_owned(),
                )),
            },
        }
    }

    /// Fsyncs the clone, and renames its files to their paths in the store.
    fn move_into_store(&mut self) -> Result<()> {
        let clone = self.clone.path();
        sync_all_below(clone)?;
        let rename = |name: &str| {
            let dest = self.root.join(name);
            fs::rename(clone.join(name), &dest).map_err(Error::io("rename to", &dest))
        };
        CREATED_NAMES.iter().try_for_each(|name| rename(name))?;
        sync_dir(clone)?;
        sync_dir(&self.root)?;
        rename("HEAD")?;
        // From now on, the directory has a `HEAD` and is a store, so it must not be removed any more.
        self.is_done = true;
        sync_dir(&self.root)?;
        remove_tree(clone)?;
        remove_if_there(&self.root.join("wasmstore").join(CREATING))
    }

    /// Records that the tips of all branches and of the registry ref are durable, so that the first change to a branch does not fsync the
    /// whole history again.
    fn note_durable_tips(&self) -> Result<()> {
        let store = Parts::open(&self.root, &CacheLimits::default(), Arc::new(LocalRefs))?;
        let branches = store.refs.branches()?.into_iter().map(RefName::from);
        for name in branches.chain([RefName::Oci]) {
            if let Some(tip) = store
                .objects
                .handle()
                .and_then(|repo| read_tip(&repo, &name.to_string()).ok()?)
            {
                store.refs.durable_tips.insert(&name, tip);
            }
        }
        Ok(())
    }

    /// Replaces the path of the clone in an error by the path of the store, because the user does not know the path of the clone.
    fn with_store_root(&self, error: Error) -> Error {
        match error {
            Error::NotAStore { reason, .. } => Error::NotAStore {
                root: self.root.clone(),
                reason: format!("the other repository cannot become a store: {reason}"),
            },
            error => error,
        }
    }
}

impl Drop for CloneTarget {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let own_dir = self.root.join("wasmstore");
        let cleared = clear(&self.root).and_then(|()| remove_if_there(&own_dir.join(CREATING)));
        if let Err(error) = cleared {
            tracing::warn!(
                error = crate::repo::error::chain(&error),
                "failed to remove an unfinished clone"
            );
            return;
        }
        // Only lock files are left in this directory. The lock files can be removed: while there is no store, no other process holds a lock
        // for long.
        let _ = fs::remove_dir_all(&own_dir);
        if self.was_missing {
            let _ = fs::remove_dir(&self.root);
        }
    }
}

/// Checks the length of the paths in every commit's tree. git has verified that no object is missing.
fn check_trees(clone: &Parts, bytes_max: u64) -> Result<()> {
    let incoming = IncomingObjects::open(&clone.objects, None, PushLimits::default())?;
    let mut tips = Vec::new();
    for (_, id) in clone.refs.direct_refs("refs/")? {
        let id = ObjectId::from_bytes(id.as_bytes()).expect("BUG: git ids have 20 or 32 bytes");
        tips.extend(incoming.peel(id)?);
    }
    let mut scale = TreeScale::new(&incoming);
    let commits = incoming.new_commits(&tips, |_| Ok::<_, Error>(false))?;
    let mut commits = commits.iter();
    commits.try_for_each(|commit| scale.check(commit, bytes_max))
}

/// Writes every branch, tag and the registry ref as a loose ref, and removes `packed-refs`, which no other process reads yet.
fn unpack_refs(clone: &Parts, tmp: &Path) -> Result<()> {
    let mut refs = clone.refs.direct_refs("refs/heads/")?;
    refs.extend(clone.refs.direct_refs("refs/tags/")?);
    let oci = RefName::Oci.to_string();
    let others = clone.refs.direct_refs("refs/")?.into_iter();
    refs.extend(others.filter(|(name, _)| *name == oci.as_str()));
    for (name, id) in refs {
        let path = clone.root().join(name.to_string());
        let dir = path.parent().expect("BUG: a ref has a directory");
        fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        write_file(tmp, &path, format!("{id}\n").as_bytes())?;
    }
    remove_if_there(&clone.root().join(PACKED_REFS))
}

/// Fsyncs every file and directory below `dir`, and `dir` itself.
fn sync_all_below(dir: &Path) -> Result<()> {
    for entry in fs::read_dir(dir).map_err(Error::io("read", dir))? {
        let path = entry.map_err(Error::io("read", dir))?.path();
        if path.is_dir() {
            sync_all_below(&path)?;
        } else {
            sync_file(&path)?;
        }
    }
    sync_dir(dir)
}
