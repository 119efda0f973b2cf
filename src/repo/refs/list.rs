//! Listing refs: loose refs, and refs in `packed-refs` (gitrepository-layout(5)).
//!
//! Loose refs are read first. A ref that moves from its file into `packed-refs` is written there before its file is removed
//! (git-pack-refs(1)), and a ref is deleted from `packed-refs` before its file is deleted. So a ref whose file vanishes during the listing
//! is either found in `packed-refs`, or was deleted. gix reads `packed-refs` first, and fails if a file vanishes.
//!
//! A broken ref does not stop the listing. Like git, the listing leaves it out and reports it: a power cut or a file synchronization tool
//! may leave a file that is empty or contains no ref. A ref whose file or object cannot be read because of an I/O error may be intact, so
//! it does not count as broken, and the listing fails. Otherwise a replica would delete that ref and create it anew.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use gix::bstr::{BString, ByteSlice};
use gix::refs::file::loose::Reference;
use gix::refs::{FullName, Target};
use rustix::io::Errno;

use crate::names::RefName;
use crate::repo::broken_ref::BrokenRef;
use crate::repo::error::{Error, Result, chain};
use crate::repo::refs::lock::PACKED_REFS;
use crate::repo::refs::reuse::{EntryKind, Reuse};
use crate::repo::refs::stamp::RefsStamp;
use crate::repo::refs::store::RefStore;

/// The number of bytes that are read from the file of a loose ref. No ref name is longer.
const REF_BYTES_MAX: u64 = 64 << 10;
/// The maximum number of broken refs that are remembered. A remembered ref is not logged again.
const LOGGED_MAX: usize = 1000;

/// The result of listing the refs below a prefix, such as `refs/heads/`.
#[derive(Default)]
pub(crate) struct RefList {
    /// The refs that lead to an object, sorted by name.
    pub refs: Vec<(BString, Target)>,
    /// The broken refs, sorted by name.
    pub broken: Vec<BrokenRef>,
    /// The metadata of the files and directories that were read. It changes when a ref is updated.
    pub stamp: RefsStamp,
}

/// The broken refs that this process has logged.
#[derive(Default)]
pub(crate) struct LoggedRefs(Mutex<HashSet<BrokenRef>>);

/// Refs by name, each with its target or the reason why it is broken.
pub(in crate::repo::refs) type Found = BTreeMap<BString, Result<Target, String>>;

impl RefStore {
    /// Returns every ref below `prefix`, which ends in a slash. Logs broken refs.
    ///
    /// # Errors
    /// A directory of refs, the file of a ref, `packed-refs`, or the object database cannot be read.
    pub(crate) fn list(&self, prefix: &str) -> Result<RefList> {
        self.list_with(prefix, &mut Reuse::Off)
    }

    pub(in crate::repo::refs) fn list_with(
        &self,
        prefix: &str,
        reuse: &mut Reuse,
    ) -> Result<RefList> {
        let Some(repo) = self.objects.handle() else {
            return Ok(RefList::default());
        };
        let mut list = RefList::default();
        let mut found = Found::new();
        self.add_loose(&repo, prefix, &mut found, &mut list.stamp, reuse)?;
        let stamp = list.stamp.record(&self.root().join(PACKED_REFS));
        let packed = match reuse.packed(stamp) {
            Some(packed) => packed,
            None => {
                let packed = self.read_packed(&repo)?.into();
                reuse.record_packed(stamp, &packed);
                packed
            }
        };
        for (name, target) in &*packed {
            if name == PACKED_REFS || name.starts_with(prefix.as_bytes()) {
                found.entry(name.clone()).or_insert(target.clone());
            }
        }
        self.check_targets(&repo, &mut found, reuse)?;
        for (name, target) in found {
            match target {
                Ok(target) => list.refs.push((name, target)),
                Err(reason) => list.broken.push(BrokenRef {
                    name: name.to_string(),
                    reason,
                }),
            }
        }
        self.logged.log(&list.broken);
        Ok(list)
    }

    /// Returns every broken ref.
    ///
    /// # Errors
    /// The refs cannot be listed.
    pub fn broken(&self) -> Result<Vec<BrokenRef>> {
        Ok(self.list("refs/")?.broken)
    }

    /// Returns whether a ref is broken.
    ///
    /// # Errors
    /// The refs cannot be listed.
    pub fn is_broken(&self, name: &RefName) -> Result<bool> {
        let name = name.to_string();
        Ok(self.broken()?.iter().any(|broken| broken.name == name))
    }

    /// Adds the refs that have a file below the directory `dir`, a path relative to the repository.
    fn add_loose(
        &self,
        repo: &gix::Repository,
        dir: &str,
        found: &mut Found,
        stamps: &mut RefsStamp,
        reuse: &mut Reuse,
    ) -> Result<()> {
        let mut todo = vec![self.root().join(dir)];
        while let Some(dir) = todo.pop() {
            let stamp = stamps.record(&dir);
            let entries = match reuse.dir(&dir, stamp) {
                Some(entries) => entries,
                None => {
                    let entries = read_entries(&dir)?.into();
                    reuse.record_dir(&dir, stamp, &entries);
                    entries
                }
            };
            for (file_name, kind) in &*entries {
                let path = dir.join(file_name);
                match kind {
                    EntryKind::Dir => todo.push(path),
                    EntryKind::File => {
                        if !self.add_file(repo, &path, found, reuse)? {
                            todo.push(path);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds the ref whose file is at `path`. Returns `false` if `path` is a directory by now.
    fn add_file(
        &self,
        repo: &gix::Repository,
        path: &Path,
        found: &mut Found,
        reuse: &mut Reuse,
    ) -> Result<bool> {
        let name = path.strip_prefix(self.root()).unwrap_or(path);
        let name = BString::from(name.as_os_str().as_bytes());
        let stamp = reuse.loose_stamp(path);
        if let Some(target) = reuse.loose(path, stamp) {
            found.insert(name, Ok(target));
            return Ok(true);
        }
        match read_loose(repo, path, name.clone()) {
            Ok(target) => {
                if let Ok(target) = &target {
                    reuse.record_loose(path, stamp, target);
                }
                found.insert(name, target);
            }
            // Symbolic links to directories are not followed, because they may form a cycle.
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                // Another writer may have replaced the ref by a directory.
                return Ok(!fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir()));
            }
            Err(error) if is_dangling_link(path, &error) => {
                let reason = "it is a link that leads to no file".to_owned();
                found.insert(name, Err(reason));
            }
            Err(error) if is_vanished(&error) => {}
            Err(error) => return Err(Error::io("read", path)(error)),
        }
        Ok(true)
    }
}

/// Returns the entries of a directory that may be refs or directories of refs; none if the directory does not exist.
fn read_entries(dir: &Path) -> Result<Vec<(OsString, EntryKind)>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if is_vanished(&error) => return Ok(Vec::new()),
        entries => entries.map_err(Error::io("read", dir))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::io("read", dir))?;
        let file_name = entry.file_name();
        // Like git, the listing ignores lock files, and temporary files of other programs.
        if file_name.as_bytes().starts_with(b".") || is_lock(file_name.as_bytes()) {
            continue;
        }
        let kind = entry.file_type();
        let kind = kind.map_err(Error::io("read", dir.join(&file_name)))?;
        if kind.is_dir() {
            found.push((file_name, EntryKind::Dir));
        } else if kind.is_file() || kind.is_symlink() {
            found.push((file_name, EntryKind::File));
        }
    }
    Ok(found)
}

impl LoggedRefs {
    fn log(&self, broken: &[BrokenRef]) {
        if broken.is_empty() {
            return;
        }
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for broken in broken {
            if logged.len() < LOGGED_MAX && logged.insert(broken.clone()) {
                let BrokenRef { name, reason } = broken;
                tracing::warn!(name, reason, "skipping a broken ref");
            }
        }
    }
}

/// Reads the file of a loose ref. The inner error is the reason why the ref is broken.
fn read_loose(
    repo: &gix::Repository,
    path: &Path,
    name: BString,
) -> io::Result<Result<Target, String>> {
    let mut text = Vec::new();
    let file = fs::File::open(path)?;
    io::Read::read_to_end(&mut io::Read::take(file, REF_BYTES_MAX), &mut text)?;
    if text.is_empty() {
        return Ok(Err("its file is empty".to_owned()));
    }
    let parsed = valid_name(name.as_bstr()).and_then(|name| {
        Reference::try_from_path(name, &text, repo.object_hash())
            .map_err(|_| "its file contains neither an object id nor the name of a ref".to_owned())
    });
    Ok(parsed.map(|reference| reference.target))
}

pub(in crate::repo::refs) fn valid_name(name: &[u8]) -> Result<FullName, String> {
    FullName::try_from(BString::from(name))
        .map_err(|error| format!("its name is not legal: {}", chain(&error)))
}

fn is_lock(file_name: &[u8]) -> bool {
    file_name.ends_with(b".lock")
}

/// Returns whether a file could not be opened because it is a symbolic link to nothing, or to itself.
fn is_dangling_link(path: &Path, error: &io::Error) -> bool {
    let is_loop = error.raw_os_error() == Some(Errno::LOOP.raw_os_error());
    (is_loop || is_vanished(error)) && fs::symlink_metadata(path).is_ok_and(|it| it.is_symlink())
}

/// Returns whether the error means that another writer removed a file or directory, or a parent of it, after it was listed.
fn is_vanished(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

#[cfg(test)]
mod tests;
