//! Reuses what an earlier listing of the refs has read.
//!
//! A listing that reuses an earlier one still examines each directory of refs, each loose ref's file and `packed-refs`, and reads again
//! what has changed. It saves opening and reading the files, parsing `packed-refs`, and searching the object database for each target. It
//! notices every change of a ref at once. If the object of an unchanged ref was deleted, it notices that only after some seconds
//! ([`REUSED_MAX`]). Code that decides what to remove uses [`RefStore::list`], which reads everything.
//!
//! A file or directory is reused only if a later change to it is certain to change its metadata. So it must have been unchanged for long
//! enough when it was read, and it must be on the file system of `ROOT/refs`. This file system must be local, so that its times come from
//! this machine's clock. Broken refs are not remembered. If there are more than [`REFS_MAX`] refs, none is remembered.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use gix::bstr::BString;
use gix::refs::Target;

use crate::repo::error::Result;
use crate::repo::refs::list::RefList;
use crate::repo::refs::stamp::{FileStamp, file_clock};
use crate::repo::refs::store::RefStore;

/// How long the target of a ref counts as existing after it was found. If another program deletes the target object, this is noticed only
/// after this time. Everything else is read again after this time, too, in case a file system does not record changes correctly.
const REUSED_MAX: Duration = Duration::from_secs(5);

/// The local file systems whose recorded times are trusted, by their magic numbers (statfs(2)): ext2 to ext4, XFS, Btrfs, tmpfs, F2FS, and
/// ZFS. overlayfs is not in the list: a change may replace a file of its lower layer by a copy on another device.
const LOCAL: [u64; 6] = [
    0xef53,
    0x5846_5342,
    0x9123_683e,
    0x0102_1994,
    0xf2f5_2010,
    0x2fc1_2fc1,
];

/// The number of refs above which nothing is remembered, so that listings of a large mirror do not occupy memory. The entries of
/// directories and the lines of `packed-refs` are counted.
const REFS_MAX: usize = 20_000;

/// The last listing of the refs below each prefix, such as `refs/heads/`. A listing of more than [`REFS_MAX`] refs is not remembered.
#[derive(Default)]
pub(crate) struct LastListings(Mutex<HashMap<String, Arc<Listing>>>);

/// The data of a listing of refs that the next listing may reuse.
pub(in crate::repo::refs) struct Listing {
    /// The start of the last listing that read everything. Listings that reuse its data keep this time.
    begun: Instant,
    dirs: HashMap<PathBuf, (FileStamp, DirEntries)>,
    loose: HashMap<PathBuf, (FileStamp, Target)>,
    packed: Option<(FileStamp, PackedRefs)>,
    existing: HashSet<gix::ObjectId>,
}

/// The entries of a directory that may be refs or directories of refs.
pub(in crate::repo::refs) type DirEntries = Arc<Vec<(OsString, EntryKind)>>;

/// The kind of a directory entry.
#[derive(Clone, Copy)]
pub(in crate::repo::refs) enum EntryKind {
    /// A directory.
    Dir,
    /// A file or a symbolic link.
    File,
}

/// The refs in `packed-refs` with their targets, or the reasons why they are broken.
pub(in crate::repo::refs) type PackedRefs = Arc<Vec<(BString, Result<Target, String>)>>;

/// The data that a listing reuses from an earlier listing, and the data that it records for the next listing.
pub(in crate::repo::refs) enum Reuse {
    /// The listing reads everything and records nothing.
    Off,
    On {
        old: Option<Arc<Listing>>,
        new: Box<Listing>,
        /// The metadata of the directory `ROOT/refs`.
        refs: FileStamp,
        /// The time of [`file_clock`] when this listing began.
        now: SystemTime,
    },
}

impl RefStore {
    /// Returns the same as [`Self::list`], but reads only what has changed since the last call.
    ///
    /// # Errors
    /// As for [`Self::list`].
    pub(crate) fn list_changes(&self, prefix: &str) -> Result<RefList> {
        let refs = self.root().join("refs");
        let Some(refs) = FileStamp::of(&refs).filter(|_| is_local(&refs)) else {
            return self.list(prefix);
        };
        let old = self.last_listings.get(prefix);
        let old = old.filter(|old| old.begun.elapsed() < REUSED_MAX);
        let mut reuse = Reuse::since(old, refs, file_clock());
        let list = self.list_with(prefix, &mut reuse)?;
        if let Reuse::On { new, .. } = reuse {
            self.last_listings.set(prefix, Arc::from(new));
        }
        Ok(list)
    }
}

impl LastListings {
    pub(in crate::repo::refs) fn get(&self, prefix: &str) -> Option<Arc<Listing>> {
        let listings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listings.get(prefix).cloned()
    }

    fn set(&self, prefix: &str, listing: Arc<Listing>) {
        let mut listings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if listing.remembered_count() > REFS_MAX {
            listings.remove(prefix);
            return;
        }
        // A concurrent listing may have stored a newer result. That is harmless, because each reuse compares the metadata.
        listings.insert(prefix.to_owned(), listing);
    }
}

impl Listing {
    /// Returns the number of refs and directory entries that the listing remembers. A loose ref and its directory entry count as one.
    fn remembered_count(&self) -> usize {
        let entries = self.dirs.values().map(|(_, entries)| entries.len()).sum();
        let packed = self.packed.as_ref().map_or(0, |(_, refs)| refs.len());
        self.loose.len().max(entries) + packed
    }
}

impl Reuse {
    /// Returns a `Reuse` for a new listing that reuses `old`. `refs` is the metadata of `ROOT/refs`, and `now` the time of [`file_clock`].
    fn since(old: Option<Arc<Listing>>, refs: FileStamp, now: SystemTime) -> Self {
        let new = Box::new(Listing {
            begun: old.as_ref().map_or_else(Instant::now, |old| old.begun),
            dirs: HashMap::new(),
            loose: HashMap::new(),
            packed: None,
            existing: HashSet::new(),
        });
        Self::On {
            old,
            new,
            refs,
            now,
        }
    }

    /// Returns the listing in which to record a file or directory with this metadata; `None` if a later change to it might not be noticed.
    fn recording(&mut self, stamp: FileStamp) -> Option<&mut Listing> {
        match self {
            Self::On { new, refs, now, .. } if stamp.is_beside(refs) && stamp.is_settled(*now) => {
                Some(new)
            }
            _ => None,
        }
    }

    /// Returns the entries of a directory from the earlier listing; `None` if its metadata has changed since then.
    pub fn dir(&mut self, dir: &Path, stamp: Option<FileStamp>) -> Option<DirEntries> {
        let Self::On { old, .. } = self else {
            return None;
        };
        let (read, entries) = old.as_ref()?.dirs.get(dir)?;
        let entries = (Some(*read) == stamp).then(|| Arc::clone(entries))?;
        self.record_dir(dir, stamp, &entries);
        Some(entries)
    }

    /// Records the entries of a directory, and its metadata from before it was read.
    pub fn record_dir(&mut self, dir: &Path, stamp: Option<FileStamp>, entries: &DirEntries) {
        if let Some(stamp) = stamp
            && let Some(new) = self.recording(stamp)
        {
            let entries = Arc::clone(entries);
            new.dirs.insert(dir.to_owned(), (stamp, entries));
        }
    }

    /// Returns the metadata of the file of a loose ref; `None` if this listing records nothing.
    pub fn loose_stamp(&self, path: &Path) -> Option<FileStamp> {
        match self {
            Self::Off => None,
            Self::On { .. } => FileStamp::of(path),
        }
    }

    /// Returns the target of a loose ref from the earlier listing; `None` if the metadata of its file has changed since then.
    pub fn loose(&mut self, path: &Path, stamp: Option<FileStamp>) -> Option<Target> {
        let Self::On { old, .. } = self else {
            return None;
        };
        let (read, target) = old.as_ref()?.loose.get(path)?;
        let target = (Some(*read) == stamp).then(|| target.clone())?;
        self.record_loose(path, stamp, &target);
        Some(target)
    }

    /// Records the target of a loose ref. `stamp` is the metadata of the ref's file, taken before the file was read. Records nothing if it
    /// is `None`.
    pub fn record_loose(&mut self, path: &Path, stamp: Option<FileStamp>, target: &Target) {
        if let Some(stamp) = stamp
            && let Some(new) = self.recording(stamp)
        {
            new.loose.insert(path.to_owned(), (stamp, target.clone()));
        }
    }

    /// Returns the refs in `packed-refs` from the earlier listing; `None` if the metadata of the file has changed since then.
    pub fn packed(&mut self, stamp: Option<FileStamp>) -> Option<PackedRefs> {
        let Self::On { old, .. } = self else {
            return None;
        };
        let (read, refs) = old.as_ref()?.packed.as_ref()?;
        let refs = (Some(*read) == stamp).then(|| Arc::clone(refs))?;
        self.record_packed(stamp, &refs);
        Some(refs)
    }

    /// Records the refs in `packed-refs`, and the metadata of the file from before it was read.
    pub fn record_packed(&mut self, stamp: Option<FileStamp>, refs: &PackedRefs) {
        if let Some(stamp) = stamp
            && let Some(new) = self.recording(stamp)
        {
            new.packed = Some((stamp, Arc::clone(refs)));
        }
    }

    /// Returns whether the earlier listing of the refs found that this object exists. If so, records that for the new listing, too.
    pub fn is_existing(&mut self, id: &gix::ObjectId) -> bool {
        let is_existing = match self {
            Self::On { old: Some(old), .. } => old.existing.contains(id),
            _ => false,
        };
        if is_existing {
            self.record_existing(id);
        }
        is_existing
    }

    /// Records that an object was found.
    pub fn record_existing(&mut self, id: &gix::ObjectId) {
        if let Self::On { new, .. } = self {
            new.existing.insert(*id);
        }
    }
}

/// Returns whether a directory is on a local file system.
fn is_local(dir: &Path) -> bool {
    rustix::fs::statfs(dir)
        .is_ok_and(|found| u64::try_from(found.f_type).is_ok_and(|kind| LOCAL.contains(&kind)))
}

#[cfg(test)]
mod tests;
