//! Moving refs such that the move survives a power cut.
//!
//! In this order: `<ref>.lock` taken with the new value in it, flushed; the old value compared; the lock file renamed to the ref;
//! its folder flushed. Flushing after the rename would leave a window in which a power cut loses the whole branch, and gix
//! flushes nothing. Every move happens under `refs.lock`; `<ref>.lock` keeps an outside git away (gitrepository-layout(5)).

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gix::refs::Target;

use crate::names::{BranchName, RefName};
use crate::repo::error::{Error, Result};
use crate::repo::failpoints::step;
use crate::repo::ids::object_id;
use crate::repo::lifecycle::open::Repository;
use crate::repo::objects::fsync::{sync_dir, sync_dirs_up_to, sync_file};
use crate::repo::refs::lock::{HEAD, OUTSIDE_MAX, PACKED_REFS, RefLock};

impl Repository {
    /// Moves, creates or deletes a ref under `refs.lock`, which the caller holds, and makes that durable. What it moves to is
    /// durable already.
    ///
    /// # Errors
    /// `Busy` if an outside git holds the ref for longer than `patience`. `Moved` if the ref is not at `old` any more: an
    /// outside writer was there, nothing happened. `Unconfirmed` if the ref was moved but could not be flushed.
    pub(crate) fn move_ref(
        &self,
        name: &RefName,
        old: Option<gix::ObjectId>,
        new: Option<gix::ObjectId>,
        patience: Duration,
    ) -> Result<()> {
        let held = self.hold_ref(name, new, patience)?;
        self.move_held(held, name, old, new)
    }

    /// The part of [`Self::move_ref`] that may be done while what the ref moves to is not durable yet: `<ref>.lock`.
    pub(crate) fn hold_ref(
        &self,
        name: &RefName,
        new: Option<gix::ObjectId>,
        patience: Duration,
    ) -> Result<RefLock> {
        let content = new.map(|new| format!("{new}\n")).unwrap_or_default();
        RefLock::take(self, &name.to_string(), content.as_bytes(), patience)
    }

    /// The other part: the swap.
    pub(crate) fn move_held(
        &self,
        lock: RefLock,
        name: &RefName,
        old: Option<gix::ObjectId>,
        new: Option<gix::ObjectId>,
    ) -> Result<()> {
        let current = self.target(&name.to_string())?;
        let is_expected = match (&current, new) {
            (Some(Target::Object(current)), _) => Some(*current) == old,
            (None, _) => old.is_none(),
            // A symbolic ref is never moved itself; it can be deleted.
            (Some(Target::Symbolic(_)), new) => new.is_none(),
        };
        match new {
            _ if !is_expected => Err(Error::Moved(name.clone())),
            Some(new) => {
                self.put_in_place(lock)?;
                if let RefName::Branch(branch) = name {
                    self.remember_tip(branch, new);
                }
                Ok(())
            }
            None => {
                if let RefName::Branch(branch) = name {
                    self.forget_tip(branch);
                }
                self.remove_packed(&name.to_string())?;
                self.remove_loose(lock)
            }
        }
    }

    /// Prepares to make `branch` the default one, under `refs.lock`: what is left to be done takes no more room on the disk.
    pub(crate) fn hold_head(&self, branch: &BranchName) -> Result<RefLock> {
        let content = format!("ref: {}\n", branch.full_ref());
        RefLock::take(self, HEAD, content.as_bytes(), OUTSIDE_MAX)
    }

    /// Gives the lock file the ref's name.
    pub(crate) fn put_in_place(&self, lock: RefLock) -> Result<()> {
        let path = lock.path().to_owned();
        let is_new = !path.is_file();
        // git leaves folders behind that a branch may have the name of; only empty ones can be removed.
        remove_empty_folders(&path);
        lock.rename()?;
        let folder = path.parent().expect("BUG: a ref has a folder");
        let top = if is_new { self.root() } else { folder };
        step("flush ref folder")
            .map_err(Error::io("flush", folder))
            .and_then(|()| sync_dirs_up_to(folder, top))
            .map_err(unconfirmed)
    }

    /// Removes the ref's file, and the folders that this leaves empty.
    fn remove_loose(&self, lock: RefLock) -> Result<()> {
        let path = lock.path().to_owned();
        crate::repo::fs::remove_if_there(&path)?;
        drop(lock);
        let kept = ["refs/heads", "refs/tags"].map(|folder| self.root().join(folder));
        let folders = path
            .ancestors()
            .skip(1)
            .take_while(|folder| !kept.iter().any(|kept| kept == folder));
        for folder in folders {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
        let left = path.ancestors().skip(1).find(|folder| folder.is_dir());
        sync_dirs_up_to(left.expect("BUG: the root is a folder"), self.root()).map_err(unconfirmed)
    }

    pub(crate) fn target(&self, name: &str) -> Result<Option<Target>> {
        let repo = self.local_for(name)?;
        let plain = self.plain_ref(name);
        if let Some(id) = plain.and_then(|id| object_id(&repo, id.as_bytes())) {
            return Ok(Some(Target::Object(id)));
        }
        let reference = repo.try_find_reference(name);
        let reference = reference.map_err(Error::database(format!("read {name}")))?;
        Ok(reference.map(|reference| reference.inner.target))
    }

    /// Flushes what says which branch is the default one.
    pub(crate) fn flush_head(&self) -> Result<()> {
        sync_file(&self.root().join(HEAD))?;
        sync_dir(self.root())
    }

    /// Flushes every ref, and every folder that leads to one; under `refs.lock`.
    pub(crate) fn flush_all_refs(&self) -> Result<()> {
        flush_below(&self.root().join("refs"))?;
        // Afterwards: whoever packs refs removes their files once this one is in place.
        let packed = self.root().join(PACKED_REFS);
        if packed.is_file() {
            sync_file(&packed)?;
        }
        self.flush_head()
    }
}

fn unconfirmed(source: Error) -> Error {
    Error::Unconfirmed {
        source: Arc::new(source),
    }
}

/// Flushes a folder of refs, and all below it. What an outside git removes meanwhile, such as a lock file of its own, is no ref.
fn flush_below(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let path = entry.map_err(Error::io("read", folder))?.path();
        let flushed = match path.is_dir() {
            true => flush_below(&path),
            false => sync_file(&path),
        };
        match flushed {
            Err(error) if error.io_kind() == Some(io::ErrorKind::NotFound) => {}
            flushed => flushed?,
        }
    }
    sync_dir(folder)
}

/// Removes a folder and those in it, as far as they are empty.
fn remove_empty_folders(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        remove_empty_folders(&entry.path());
    }
    let _ = fs::remove_dir(folder);
}
