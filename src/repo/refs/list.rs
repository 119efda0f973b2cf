//! Listing refs: loose refs, and refs in `packed-refs` (gitrepository-layout(5)).
//!
//! Loose refs are read first. A ref that moves from its file into `packed-refs` is written there before its file is removed
//! (git-pack-refs(1)), and a ref is deleted from `packed-refs` before its file is. So a ref whose file vanishes during the listing is
//! either found in `packed-refs`, or was deleted. gix reads `packed-refs` first, and fails if a file vanishes.
//!
//! A broken ref does not stop the listing. Like git, the listing leaves it out and reports it: a power cut or a tool for syncing files may
//! leave an empty or foreign file. A ref whose file or object cannot be read because of an I/O error may be intact, so it does not count as
//! broken, and the listing fails. Otherwise a replica would delete that ref and create it anew.

use std::collections::{BTreeMap, HashSet};
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
use crate::repo::refs::stamp::RefsStamp;
use crate::repo::refs::store::RefStore;

/// The largest file of a loose ref that is read, in bytes. No ref name is longer.
const REF_BYTES_MAX: u64 = 64 << 10;
/// How many broken refs are remembered, so that each is logged only once.
const LOGGED_MAX: usize = 1000;

/// The refs below a prefix.
#[derive(Default)]
pub(crate) struct RefList {
    /// The refs that lead to an object, sorted by name.
    pub refs: Vec<(BString, Target)>,
    /// The other refs, sorted by name.
    pub broken: Vec<BrokenRef>,
    /// The state of the files and directories that were read.
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
        let Some(repo) = self.objects.handle() else {
            return Ok(RefList::default());
        };
        let mut list = RefList::default();
        let mut found = Found::new();
        self.add_loose(&repo, prefix, &mut found, &mut list.stamp)?;
        list.stamp.record(&self.root().join(PACKED_REFS));
        self.add_packed(&repo, prefix, &mut found)?;
        self.check_targets(&repo, &mut found)?;
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
    pub(crate) fn is_broken(&self, name: &RefName) -> Result<bool> {
        let name = name.to_string();
        Ok(self.broken()?.iter().any(|broken| broken.name == name))
    }

    /// Adds the refs that have a file below the directory `dir`, a path relative to the repository.
    fn add_loose(
        &self,
        repo: &gix::Repository,
        dir: &str,
        found: &mut Found,
        stamp: &mut RefsStamp,
    ) -> Result<()> {
        let mut todo = vec![self.root().join(dir)];
        while let Some(dir) = todo.pop() {
            stamp.record(&dir);
            let entries = match fs::read_dir(&dir) {
                Err(error) if is_vanished(&error) => continue,
                entries => entries.map_err(Error::io("read", &dir))?,
            };
            for entry in entries {
                let entry = entry.map_err(Error::io("read", &dir))?;
                let path = entry.path();
                let file_name = entry.file_name();
                // Like git, the listing ignores lock files, and temporary files of other programs.
                if file_name.as_bytes().starts_with(b".") || is_lock(file_name.as_bytes()) {
                    continue;
                }
                let kind = entry.file_type().map_err(Error::io("read", &path))?;
                if kind.is_dir() {
                    todo.push(path);
                    continue;
                }
                if !kind.is_file() && !kind.is_symlink() {
                    continue;
                }
                let name = path.strip_prefix(self.root()).unwrap_or(&path);
                let name = BString::from(name.as_os_str().as_bytes());
                match read_loose(repo, &path, name.clone()) {
                    Ok(target) => drop(found.insert(name, target)),
                    // Links to directories are not followed, because they may form a cycle.
                    Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                        if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir()) {
                            // Another writer replaced the ref by a directory.
                            todo.push(path);
                        }
                    }
                    Err(error) if is_dangling_link(&path, &error) => {
                        let reason = "it is a link that leads to no file".to_owned();
                        found.insert(name, Err(reason));
                    }
                    Err(error) if is_vanished(&error) => {}
                    Err(error) => return Err(Error::io("read", &path)(error)),
                }
            }
        }
        Ok(())
    }

    /// Adds the refs in `packed-refs` that have no file.
    fn add_packed(&self, repo: &gix::Repository, prefix: &str, found: &mut Found) -> Result<()> {
        let path = self.root().join(PACKED_REFS);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            text => text.map_err(Error::io("read", &path))?,
        };
        for (number, line) in (1..).zip(text.split_inclusive(|byte| *byte == b'\n')) {
            // Skips the header, and the lines with the objects that annotated tags lead to.
            if line.starts_with(b"#") || line.starts_with(b"^") {
                continue;
            }
            let Some((id, name)) = packed_ref(repo, line) else {
                let reason = format!("line {number} is not a ref");
                found.insert(PACKED_REFS.into(), Err(reason));
                continue;
            };
            if name.starts_with(prefix.as_bytes()) {
                let target = valid_name(name).map(|_| Target::Object(id));
                found.entry(name.into()).or_insert(target);
            }
        }
        Ok(())
    }
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

fn valid_name(name: &[u8]) -> Result<FullName, String> {
    FullName::try_from(BString::from(name))
        .map_err(|error| format!("its name is not legal: {}", chain(&error)))
}

/// Parses a line of `packed-refs`, `<id> <name>`.
fn packed_ref<'l>(repo: &gix::Repository, line: &'l [u8]) -> Option<(gix::ObjectId, &'l [u8])> {
    let line = line.strip_suffix(b"\n")?;
    let (id, name) = line.split_once_str(b" ")?;
    let id = gix::ObjectId::from_hex(id).ok()?;
    (id.kind() == repo.object_hash()).then_some((id, name.trim_end()))
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
