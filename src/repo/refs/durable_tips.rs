//! The tips of branches and of `refs/oci/records` that are known to be durable, with every object that they reach.
//!
//! A tip that this program set is durable. A tip that another program set may depend on objects that were never fsynced. These objects are
//! fsynced before a commit is built on that tip and before the tip is reported: see `publish/fsync_existing.rs`.
//!
//! `ROOT/wasmstore/durable/` shares this knowledge between processes. It has one file for each ref, named by the hash of the branch name or
//! of `refs/oci/records`, with the id of the tip and the inode of `objects/`. The file is written after the tip is durable and is never
//! fsynced: if it is lost or damaged, the objects are only fsynced again.

use std::collections::{HashMap, HashSet};
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::names::RefName;
use crate::repo::error::Result;
use crate::repo::fs::{create_dir, remove_if_there};
use crate::repo::refs::lock::PACKED_REFS;
use crate::sharing::write_shared;

/// The durable tips. The tips that this process knows to be durable are in memory; the tips that any process has recorded are in files.
pub(crate) struct DurableTips {
    root: PathBuf,
    /// The durable tip of each ref, and the metadata ([`Stamp`]) of the file that contained it: the loose ref or `packed-refs`.
    tips: Mutex<HashMap<RefName, (gix::ObjectId, Stamp)>>,
}

/// Distinguishes a file from its replacement: device, inode, and modification time in seconds and nanoseconds. `None` if there is no file.
type Stamp = Option<(u64, u64, i64, i64)>;

impl DurableTips {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            tips: Mutex::default(),
        }
    }

    fn tips(&self) -> MutexGuard<'_, HashMap<RefName, (gix::ObjectId, Stamp)>> {
        self.tips.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether this process has recorded that the tip is durable, and the file of the ref has not been replaced since then.
    pub(crate) fn contains(&self, name: &RefName, tip: gix::ObjectId) -> bool {
        let stamp = self.stamp(name);
        self.tips().get(name) == Some(&(tip, stamp))
    }

    /// Returns whether `ROOT/wasmstore/durable/` records that the tip, and every object that it reaches, is durable.
    pub(crate) fn is_noted(&self, name: &RefName, tip: gix::ObjectId) -> bool {
        let note = fs::read_to_string(self.note_path(name)).unwrap_or_default();
        note == format!("{tip} {}", self.objects_inode())
    }

    /// Records that a tip, and every object that it reaches, is durable.
    pub(crate) fn insert(&self, name: &RefName, tip: gix::ObjectId) {
        let stamp = self.stamp(name);
        self.tips().insert(name.clone(), (tip, stamp));
        let note = format!("{tip} {}", self.objects_inode());
        let path = self.note_path(name);
        let is_written = overwrite(&path, &note).is_ok()
            || create_dir(&self.dir()).is_ok() && write_shared(&path, &note).is_ok();
        if !is_written {
            tracing::debug!(%name, "failed to record the durable tip");
        }
    }

    /// Forgets the tip of a ref that is being deleted.
    pub(crate) fn remove(&self, name: &RefName) {
        self.tips().remove(name);
        let _ = fs::remove_file(self.note_path(name));
    }

    /// Removes each file in `ROOT/wasmstore/durable/` that does not record a tip in `current`.
    pub(crate) fn retain_noted(&self, current: &HashSet<gix::ObjectId>) -> Result<()> {
        for (path, tip) in self.notes() {
            if tip.is_none_or(|tip| !current.contains(&tip)) {
                remove_if_there(&path)?;
            }
        }
        Ok(())
    }

    /// Returns every tip that `ROOT/wasmstore/durable/` records as durable, no matter which process recorded it.
    pub(crate) fn noted(&self) -> HashSet<gix::ObjectId> {
        self.notes()
            .into_iter()
            .filter_map(|(_, tip)| tip)
            .collect()
    }

    /// Returns the path of each file that records a durable tip, with the tip. The tip is `None` if the file is damaged or belongs to
    /// another store.
    fn notes(&self) -> Vec<(PathBuf, Option<gix::ObjectId>)> {
        let files = fs::read_dir(self.dir()).into_iter().flatten().flatten();
        let inode = self.objects_inode();
        let read = |file: fs::DirEntry| {
            let note = fs::read_to_string(file.path()).unwrap_or_default();
            let fields = note.split_once(' ').filter(|(_, of)| *of == inode);
            let tip = fields.and_then(|(id, _)| gix::ObjectId::from_hex(id.as_bytes()).ok());
            (file.path(), tip)
        };
        files.map(read).collect()
    }

    /// Returns the device and the inode of `objects/`. They distinguish this store from a copy of it, whose objects may never have been
    /// fsynced.
    fn objects_inode(&self) -> String {
        let objects = fs::metadata(self.root.join("objects"));
        objects.map_or_else(
            |_| "unknown".to_owned(),
            |objects| format!("{}:{}", objects.dev(), objects.ino()),
        )
    }

    fn stamp(&self, name: &RefName) -> Stamp {
        let loose = fs::metadata(self.root.join(name.to_string()))
            .ok()
            .filter(fs::Metadata::is_file);
        let file = loose.or_else(|| fs::metadata(self.root.join(PACKED_REFS)).ok())?;
        Some((file.dev(), file.ino(), file.mtime(), file.mtime_nsec()))
    }

    fn dir(&self) -> PathBuf {
        self.root.join("wasmstore/durable")
    }

    /// Returns the path of the file that records a ref's durable tip. Its name is a hash, because a branch name may be too long for a
    /// file name, and may contain slashes.
    fn note_path(&self, name: &RefName) -> PathBuf {
        let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
        // A branch named `refs/oci/records` would share its file with the registry ref. This is harmless, because every recorded tip is
        // durable, whichever ref it belongs to.
        match name {
            RefName::Branch(branch) => hasher.update(branch.as_str().as_bytes()),
            RefName::Tag(_) | RefName::Oci => hasher.update(name.to_string().as_bytes()),
        }
        let file_name = hasher
            .try_finalize()
            .map_or_else(|_| "unknown".to_owned(), |id| id.to_string());
        self.dir().join(file_name)
    }
}

/// Overwrites an existing file. The file is not truncated first, because truncation would free its block and allocate it again; old and new
/// content usually have the same length.
fn overwrite(path: &Path, note: &str) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.write_all_at(note.as_bytes(), 0)?;
    file.set_len(note.len() as u64)
}
