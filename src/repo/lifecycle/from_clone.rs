//! Making a store of another repository's copy.
//!
//! The copy is made in `ROOT/wasmstore/clone`, under `refs.lock` and with the mark of a creation (`create.rs`), so that nobody sees
//! a store before its `HEAD` is there, and what was cut short is cleared by the next one. It is on the file system of the store
//! whatever that is, a mount point included. Everything is flushed before it is moved to its place, `HEAD` last.

use std::fs;
use std::path::{Path, PathBuf};

use crate::config::CacheLimits;
use crate::names::BranchName;
use crate::repo::error::{Error, Result};
use crate::repo::fs::remove_if_there;
use crate::repo::fs::{create_dir, sync_dir, sync_file, write_file};
use crate::repo::lifecycle::create::{ObjectFormat, create_folders, furnish};
use crate::repo::lifecycle::open::{CREATING, PARTS, clear, is_absent};
use crate::repo::locks::{Guard, Locks};
use crate::repo::objects::gix_handle::open_bare;
use crate::repo::parts::Parts;
use crate::repo::refs::lock::PACKED_REFS;
use crate::repo::refs::read::read_tip;

/// Which branch is the default one, if neither the other repository nor anybody says so.
const USUAL_BRANCH: &str = "main";

/// The place for a store, held while another repository is copied into it. Dropping it before it is finished leaves the place as
/// it was.
pub struct Restoring {
    root: PathBuf,
    was_missing: bool,
    is_done: bool,
    _guard: Guard,
}

impl Restoring {
    /// Takes the folder `root`, which is missing or empty; `None` if something is there.
    ///
    /// # Errors
    /// It cannot be read or written, or another process creates a store there.
    pub fn begin(root: &Path) -> Result<Option<Self>> {
        if !is_absent(root)? {
            return Ok(None);
        }
        let was_missing = !root.exists();
        create_folders(root)?;
        let own = root.join("wasmstore");
        create_dir(&own)?;
        let guard = Locks::new(own.clone()).refs()?;
        if !is_absent(root)? {
            return Ok(None);
        }
        let mark = own.join(CREATING);
        fs::write(&mark, "").map_err(Error::io("write", &mark))?;
        sync_dir(&own)?;
        let restoring = Self {
            root: root.to_owned(),
            was_missing,
            is_done: false,
            _guard: guard,
        };
        clear(root)?;
        Ok(Some(restoring))
    }

    /// Where a bare copy of the other repository is to be made: nothing is there yet.
    pub fn folder(&self) -> PathBuf {
        self.root.join("wasmstore/clone")
    }

    /// Makes the copy a store: branches and tags are kept, in files of their own, and all configuration is replaced by ours. The
    /// default branch is `branch`, or what the copy's `HEAD` names, or `main`, or the only one.
    ///
    /// # Errors
    /// `UnknownBranch`; the copy is no repository in a format that is understood, or has no branch that is the default one.
    pub fn finish(mut self, branch: Option<&BranchName>) -> Result<BranchName> {
        let (tmp, copy) = (self.root.join("wasmstore/tmp"), self.folder());
        create_dir(&tmp)?;
        let repo = open_bare(&copy).map_err(|error| self.blame(error))?;
        let repo = repo.to_thread_local();
        let format = match repo.object_hash() {
            gix::hash::Kind::Sha256 => ObjectFormat::Sha256,
            _ => ObjectFormat::Sha1,
        };
        drop(repo);
        let copied = Parts::open(&copy, &CacheLimits::default())?;
        let branch = self.choose(&copied, branch)?;
        furnish(&copy, &tmp, format)?;
        unpack_refs(&copied, &tmp)?;
        let head = format!("ref: {}\n", branch.full_ref());
        write_file(&tmp, &copy.join("HEAD"), head.as_bytes())?;
        drop(copied);
        self.put_in_place()?;
        self.remember_tips()?;
        Ok(branch)
    }

    /// The default branch.
    fn choose(&self, copied: &Parts, named: Option<&BranchName>) -> Result<BranchName> {
        let branches = copied.refs.branches()?;
        let has = |branch: &BranchName| branches.binary_search(branch).is_ok();
        if let Some(named) = named {
            let there = Some(named.clone()).filter(has);
            return there.ok_or_else(|| Error::UnknownBranch(named.to_string()));
        }
        let refuse = |reason: String| Error::NotAStore {
            root: self.root.clone(),
            reason,
        };
        let usual: BranchName = USUAL_BRANCH.parse().expect("BUG: main is a branch name");
        let head = copied.refs.default_branch().ok();
        match head.filter(has).or(Some(usual).filter(has)) {
            Some(branch) => Ok(branch),
            None => match branches.as_slice() {
                [only] => Ok(only.clone()),
                [] => Err(refuse("the other repository has no branch".to_owned())),
                _ => Err(refuse(
                    "the other repository's HEAD names no branch: choose one with --branch NAME"
                        .to_owned(),
                )),
            },
        }
    }

    /// Flushes the copy, and moves it to its place.
    fn put_in_place(&mut self) -> Result<()> {
        let copy = self.folder();
        sync_all_below(&copy)?;
        let rename = |name: &str| {
            let dest = self.root.join(name);
            fs::rename(copy.join(name), &dest).map_err(Error::io("rename to", &dest))
        };
        PARTS.iter().try_for_each(|name| rename(name))?;
        sync_dir(&copy)?;
        sync_dir(&self.root)?;
        rename("HEAD")?;
        // From here on it is a store, which nobody clears away.
        self.is_done = true;
        sync_dir(&self.root)?;
        fs::remove_dir_all(&copy).map_err(Error::io("remove", &copy))?;
        remove_if_there(&self.root.join("wasmstore").join(CREATING))
    }

    /// Notes that every branch is durable, so that the first change flushes nothing of it again.
    fn remember_tips(&self) -> Result<()> {
        let store = Parts::open(&self.root, &CacheLimits::default())?;
        for branch in store.refs.branches()? {
            if let Some(tip) = store
                .objects
                .handle()
                .and_then(|repo| read_tip(&repo, &branch).ok()?)
            {
                store.refs.durable_tips.insert(&branch, tip);
            }
        }
        Ok(())
    }

    /// The error about the copy, told of the store.
    fn blame(&self, error: Error) -> Error {
        match error {
            Error::NotAStore { reason, .. } => Error::NotAStore {
                root: self.root.clone(),
                reason: format!("the copy of the other repository is refused: {reason}"),
            },
            error => error,
        }
    }
}

impl Drop for Restoring {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let own = self.root.join("wasmstore");
        let cleared = clear(&self.root).and_then(|()| remove_if_there(&own.join(CREATING)));
        if let Err(error) = cleared {
            tracing::warn!(
                error = crate::repo::error::chain(&error),
                "could not clear away"
            );
            return;
        }
        // Locks alone are in it, and nobody can hold one that matters: there is no store.
        let _ = fs::remove_dir_all(&own);
        if self.was_missing {
            let _ = fs::remove_dir(&self.root);
        }
    }
}

/// Gives every branch and tag a file of its own, and removes the file of all of them, which nobody else reads yet.
fn unpack_refs(copied: &Parts, tmp: &Path) -> Result<()> {
    let kept = copied.refs.direct_refs("refs/heads/")?.into_iter();
    for (name, id) in kept.chain(copied.refs.direct_refs("refs/tags/")?) {
        let path = copied.root().join(name.to_string());
        let folder = path.parent().expect("BUG: a ref has a folder");
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        write_file(tmp, &path, format!("{id}\n").as_bytes())?;
    }
    remove_if_there(&copied.root().join(PACKED_REFS))
}

/// Flushes every file and folder below `folder`, and the folder.
fn sync_all_below(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let path = entry.map_err(Error::io("read", folder))?.path();
        match path.is_dir() {
            true => sync_all_below(&path)?,
            false => sync_file(&path)?,
        }
    }
    sync_dir(folder)
}
