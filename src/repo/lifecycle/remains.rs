//! Recognizing what is left of a copy of a store in a bucket whose directory was deleted.
//!
//! A process that still uses the copy creates files in its directory while somebody deletes it, or afterwards. Such a process need not be
//! a server: a git program that a server has started goes on for a moment after the server was killed. The next server must start
//! nevertheless.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::Path;

use crate::repo::error::{Error, Result};
use crate::repo::follow::catch_up::GENERATION;
use crate::repo::fs::names_in;
use crate::repo::lifecycle::bucket_mark::mark_of;
use crate::repo::lifecycle::open::{CREATED_NAMES, is_absent};
use crate::repo::refs::lock::{CONFIG, HEAD, PACKED_REFS};

/// The files and directories without which a directory is not a complete copy.
const REQUIRED_NAMES: [&str; 4] = [HEAD, CONFIG, "objects", "refs"];

/// The names in the directory of a copy, in addition to [`CREATED_NAMES`].
const COPY_NAMES: [&str; 6] = [
    "wasmstore",
    HEAD,
    "HEAD.lock",
    PACKED_REFS,
    "packed-refs.lock",
    "config.lock",
];

/// The names in a directory that processes create there without knowing that it was deleted.
const STRAY_NAMES: [&str; 5] = ["wasmstore", "objects", "refs", HEAD, "HEAD.lock"];

/// The names in `ROOT/wasmstore` of such a directory. The names of the index and of temporary files have a prefix instead.
const OWN_NAMES: [&str; 16] = [
    "gate",
    "lock",
    "refs.gate",
    "refs.lock",
    "backup.lock",
    "roll-up.lock",
    "maintenance.lock",
    "maintenance.json",
    "creating",
    "moving",
    "durable",
    "rolled-up",
    "tmp",
    "gc",
    "files",
    "oci",
];
const OWN_PREFIXES: [&str; 2] = ["index", ".tmp"];

/// What is left of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remains {
    /// Files that are known to belong to a copy: only copies have a file with the generation, or the mark. They can be removed, because
    /// everything that was acknowledged to a client is in the bucket.
    OfCopy,
    /// Nothing says what the files belong to. They have names that git or wasmstore gives, and no ref is among them, so they are no store.
    /// They stay, and a copy is created around them, as git-init(1) does.
    Strays,
}

/// Returns what is left at `root` of a copy that was deleted. Returns `None` if there is a complete repository, files of another program,
/// or nothing, and while a store is being created there.
pub(crate) fn remains(root: &Path) -> Result<Option<Remains>> {
    if is_absent(root)? {
        return Ok(None);
    }
    let names = names_in(root).map_err(Error::io("open", root))?;
    let is_there = |required: &&str| names.iter().any(|name| name == *required);
    if REQUIRED_NAMES.iter().all(is_there) {
        return Ok(None);
    }
    let of_copy = [&CREATED_NAMES[..], &COPY_NAMES].concat();
    if are_all_among(&names, &of_copy)
        && (root.join("wasmstore").join(GENERATION).exists() || mark_of(root)?.is_some())
    {
        return Ok(Some(Remains::OfCopy));
    }
    let are_strays = are_all_among(&names, &STRAY_NAMES)
        && !is_detached(&root.join(HEAD))?
        && has_only(&root.join("wasmstore"), is_own_name)?
        && has_only(&root.join("objects"), is_name_of_objects)?
        && has_no_file(&root.join("refs"))?;
    Ok(are_strays.then_some(Remains::Strays))
}

/// Removes the directories in `dir` that are empty, or contain only empty directories.
pub(crate) fn remove_empty_dirs(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_empty_dirs(&entry.path());
            // Fails if the directory is not empty.
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// Returns whether the file `HEAD` exists and names a commit instead of a branch: then it may be the only ref of a repository.
fn is_detached(head: &Path) -> Result<bool> {
    match fs::read(head) {
        Ok(text) => Ok(!text.starts_with(b"ref:")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("read", head)(error)),
    }
}

fn are_all_among(names: &[OsString], known: &[&str]) -> bool {
    names
        .iter()
        .all(|name| known.iter().any(|known| name == known))
}

/// Returns whether each name in the directory `dir` satisfies `is_known`. Returns `true` if there is no such directory.
fn has_only(dir: &Path, is_known: impl Fn(&OsStr) -> bool) -> Result<bool> {
    match names_in(dir) {
        Ok(names) => Ok(names.iter().all(|name| is_known(name))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(Error::io("open", dir)(error)),
    }
}

fn is_own_name(name: &OsStr) -> bool {
    let has_prefix = |name: &str| OWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    OWN_NAMES.iter().any(|own| name == *own) || name.to_str().is_some_and(has_prefix)
}

/// Returns whether this is a name in git's directory `objects` (gitrepository-layout(5)): `pack`, `info`, the first two digits of ids, or a
/// temporary name.
fn is_name_of_objects(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    let is_fan_out = name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_fan_out || ["pack", "info"].contains(&name) || name.starts_with("tmp_")
}

/// Returns whether the directory `dir` contains only directories, at any depth. Returns `true` if there is no such directory.
fn has_no_file(dir: &Path) -> Result<bool> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(false),
        entries => entries.map_err(Error::io("open", dir))?,
    };
    for entry in entries {
        let entry = entry.map_err(Error::io("read", dir))?;
        let kind = entry.file_type().map_err(Error::io("read", entry.path()))?;
        if !kind.is_dir() || !has_no_file(&entry.path())? {
            return Ok(false);
        }
    }
    Ok(true)
}
