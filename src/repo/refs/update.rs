//! Durable ref updates: the compare-and-swap of a ref, in an order that survives a power cut.
//!
//! `<ref>.lock` is created with the new value and fsynced, the old value is compared, the lock file is renamed to the ref, and its
//! directory is fsynced. Fsyncing only after the rename would leave a window in which a power cut loses the whole branch. gix
//! fsyncs nothing, so this is our own code. Every update happens under `refs.lock`; `<ref>.lock` excludes other git processes
//! (gitrepository-layout(5)).

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gix::refs::Target;

use crate::names::{BranchName, RefName};
use crate::repo::error::{Error, Result};
use crate::repo::failpoints::step;
use crate::repo::fs::{remove_if_there, sync_dir, sync_dirs_up_to, sync_file};
use crate::repo::refs::lock::{self, HEAD, OUTSIDE_MAX, PACKED_REFS, RefLock};
use crate::repo::refs::store::RefStore;

impl RefStore {
    /// Moves, creates or deletes a ref durably. The caller holds `refs.lock`, and the new object is durable already.
    ///
    /// # Errors
    /// `Busy` if another git process holds the ref's lock file for longer than `patience`. `Moved` if the ref is not at `old`,
    /// because another program moved it; the ref is unchanged then. `Unconfirmed` if the ref was moved but its directory could not
    /// be fsynced.
    pub(crate) fn swap(
        &self,
        name: &RefName,
        old: Option<gix::ObjectId>,
        new: Option<gix::ObjectId>,
        patience: Duration,
    ) -> Result<()> {
        let lock = self.lock(name, new, patience)?;
        self.swap_locked(lock, name, old, new)
    }

    /// Creates `<ref>.lock` with the new value: the first part of [`Self::swap`]. The new object need not be durable yet.
    pub(crate) fn lock(
        &self,
        name: &RefName,
        new: Option<gix::ObjectId>,
        patience: Duration,
    ) -> Result<RefLock> {
        let content = new.map(|new| format!("{new}\n")).unwrap_or_default();
        RefLock::take(self.root(), &name.to_string(), content.as_bytes(), patience)
    }

    /// Checks that the ref is at `old`, and moves it to `new`: the second part of [`Self::swap`].
    pub(crate) fn swap_locked(
        &self,
        lock: RefLock,
        name: &RefName,
        old: Option<gix::ObjectId>,
        new: Option<gix::ObjectId>,
    ) -> Result<()> {
        self.check_unmoved(name, old, new)?;
        match new {
            Some(new) => {
                self.rename_lock(lock)?;
                if !matches!(name, RefName::Tag(_)) {
                    self.durable_tips.insert(name, new);
                }
                Ok(())
            }
            None => {
                self.durable_tips.remove(name);
                self.remove_packed(&name.to_string())?;
                self.remove_loose(lock)
            }
        }
    }

    /// Checks that a ref that is about to move from `old` to `new` is at `old`. The caller holds its lock file.
    ///
    /// # Errors
    /// `Moved` if it is not at `old`.
    pub(crate) fn check_unmoved(
        &self,
        name: &RefName,
        old: Option<gix::ObjectId>,
        new: Option<gix::ObjectId>,
    ) -> Result<()> {
        let is_unmoved = match self.target(&name.to_string())? {
            Some(Target::Object(current)) => Some(current) == old,
            None => old.is_none(),
            // A symbolic ref can be deleted, but it is never moved itself.
            Some(Target::Symbolic(_)) => new.is_none(),
        };
        if is_unmoved {
            return Ok(());
        }
        Err(Error::Moved(name.clone()))
    }

    /// Records the refs whose lock files are about to be taken at the same time, for [`Self::clear_dead_locks`].
    pub(crate) fn note_moving(&self, names: &[String]) {
        lock::note_moving(self.root(), names);
    }

    /// Deletes a broken ref. The caller holds `refs.lock`.
    ///
    /// # Errors
    /// `Moved` if the ref is not broken; `Busy`; I/O.
    pub(crate) fn delete_broken(&self, name: &RefName) -> Result<()> {
        let full = name.to_string();
        let lock = RefLock::take(self.root(), &full, b"", OUTSIDE_MAX)?;
        // Another git process may have replaced the ref before this process took the ref's lock file.
        let list = self.list("refs/")?;
        let broken = list.broken.iter().find(|broken| broken.name == full);
        let broken = broken.ok_or_else(|| Error::Moved(name.clone()))?;
        tracing::info!(name = full, reason = broken.reason, "deleting a broken ref");
        self.durable_tips.remove(name);
        self.remove_packed(&full)?;
        self.remove_loose(lock)
    }

    /// Takes `HEAD.lock`, to make `branch` the default branch. The caller then only has to rename the lock file, which needs no more disk
    /// space. The caller holds `refs.lock`.
    pub(crate) fn lock_head(&self, branch: &BranchName) -> Result<RefLock> {
        let content = format!("ref: {}\n", branch.full_ref());
        RefLock::take(self.root(), HEAD, content.as_bytes(), OUTSIDE_MAX)
    }

    /// Renames the lock file to the ref and fsyncs the directory of the ref. If the ref is new, also fsyncs every directory above.
    pub(crate) fn rename_lock(&self, lock: RefLock) -> Result<()> {
        let path = lock.path().to_owned();
        let is_new = !path.is_file();
        // git leaves empty directories behind, and the new branch may have the name of such a directory. Directories that are not empty
        // stay.
        remove_empty_dirs(&path);
        lock.rename()?;
        let dir = path.parent().expect("BUG: a ref has a parent directory");
        let top = if is_new { self.root() } else { dir };
        step("fsync ref directory")
            .map_err(Error::io("fsync", dir))
            .and_then(|()| sync_dirs_up_to(dir, top))
            .map_err(unconfirmed)
    }

    /// Removes the ref's file, and the directories that become empty.
    fn remove_loose(&self, lock: RefLock) -> Result<()> {
        let path = lock.path().to_owned();
        remove_if_there(&path)?;
        drop(lock);
        let kept = ["refs/heads", "refs/tags"].map(|dir| self.root().join(dir));
        let dirs = path
            .ancestors()
            .skip(1)
            .take_while(|dir| !kept.iter().any(|kept| kept == dir));
        for dir in dirs {
            if fs::remove_dir(dir).is_err() {
                break;
            }
        }
        let remaining = path.ancestors().skip(1).find(|dir| dir.is_dir());
        sync_dirs_up_to(
            remaining.expect("BUG: the root is a directory"),
            self.root(),
        )
        .map_err(unconfirmed)
    }

    /// Makes the current value of a ref, or its absence, durable: fsyncs its file, `packed-refs`, and the directories above.
    pub(crate) fn sync_ref(&self, name: &str) -> Result<()> {
        let path = self.root().join(name);
        for file in [&path, &self.root().join(PACKED_REFS)] {
            if file.is_file() {
                sync_file(file)?;
            }
        }
        let dir = path.ancestors().skip(1).find(|dir| dir.is_dir());
        sync_dirs_up_to(dir.expect("BUG: the root is a directory"), self.root())
    }

    /// Fsyncs `HEAD`, which names the default branch.
    pub(crate) fn sync_head(&self) -> Result<()> {
        sync_file(&self.root().join(HEAD))?;
        sync_dir(self.root())
    }

    /// Fsyncs every ref, and every directory that leads to one. The caller holds `refs.lock`.
    pub(crate) fn sync_all_refs(&self) -> Result<()> {
        sync_below(&self.root().join("refs"))?;
        // `packed-refs` is fsynced after the loose refs, because `git pack-refs` removes loose refs once the new `packed-refs` is in place.
        let packed = self.root().join(PACKED_REFS);
        if packed.is_file() {
            sync_file(&packed)?;
        }
        self.sync_head()
    }

    /// Forgets every durable tip that no ref names any more. The objects that it reached may be deleted now, and a fetch may bring
    /// them back without an fsync.
    pub(crate) fn forget_old_tips(&self) -> Result<()> {
        let refs = self.direct_refs("refs/")?;
        let current: HashSet<_> = refs.into_iter().map(|(_, id)| id).collect();
        self.durable_tips.retain_noted(&current)
    }

    /// Returns the lock files that wasmstore processes left behind, or hold at this moment.
    pub(crate) fn own_locks(&self) -> Vec<PathBuf> {
        lock::own_locks(self.root())
    }

    /// Removes the lock files that dead wasmstore processes left behind. The caller holds `refs.lock`.
    pub(crate) fn clear_dead_locks(&self) -> Result<()> {
        lock::clear_dead_locks(self.root())
    }
}

fn unconfirmed(source: Error) -> Error {
    Error::Unconfirmed {
        source: Arc::new(source),
    }
}

/// Fsyncs a directory of refs and everything below it. A file that vanishes before it is fsynced, such as a lock file of another git
/// process, is not a ref.
fn sync_below(dir: &Path) -> Result<()> {
    for entry in fs::read_dir(dir).map_err(Error::io("read", dir))? {
        let path = entry.map_err(Error::io("read", dir))?.path();
        let synced = if path.is_dir() {
            sync_below(&path)
        } else {
            sync_file(&path)
        };
        match synced {
            Err(error) if error.io_kind() == Some(io::ErrorKind::NotFound) => {}
            synced => synced?,
        }
    }
    sync_dir(dir)
}

/// Removes the empty directories at and below `dir`.
fn remove_empty_dirs(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        remove_empty_dirs(&entry.path());
    }
    let _ = fs::remove_dir(dir);
}
