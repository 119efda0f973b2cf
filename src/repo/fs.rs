//! File operations that survive a power cut on any POSIX file system.
//!
//! fsync(2) of a file does not persist the file's name. The directory that holds the name needs an fsync of its own.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::repo::error::{Error, Result};
use crate::repo::failpoints::step;
use crate::sharing::{create_shared_dir, create_shared_dir_all, share};

/// Fsyncs the content of the file at `path`.
pub(crate) fn sync_file(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(Error::io("fsync", path))
}

/// Fsyncs the directory at `path`, so that the names in it are durable.
pub(crate) fn sync_dir(path: &Path) -> Result<()> {
    sync_file(path)
}

/// Fsyncs `from` and every directory above it, up to and including `top`.
pub(crate) fn sync_dirs_up_to(from: &Path, top: &Path) -> Result<()> {
    for dir in from.ancestors() {
        sync_dir(dir)?;
        if dir == top {
            break;
        }
    }
    Ok(())
}

/// Creates the directory at `path` unless it exists, and makes its name durable.
pub(crate) fn create_dir(path: &Path) -> Result<()> {
    match step("change files").and_then(|()| create_shared_dir(path)) {
        Ok(()) => sync_dir(
            path.parent()
                .expect("BUG: a directory of the store has a parent"),
        ),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Error::io("create", path)(error)),
    }
}

/// Writes `bytes` to a new file in `tmp`, fsyncs it, and renames it to `dest`. The caller fsyncs the directory of `dest`.
pub(crate) fn write_file(tmp: &Path, dest: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = new_file(tmp, 0o644).map_err(Error::io("create a file in", tmp))?;
    io::Write::write_all(&mut file, bytes).map_err(Error::io("write", dest))?;
    persist(file, dest)
}

/// Creates a temporary file in the directory `tmp`, which is created if it is missing. The permissions are `mode`, reduced by the umask and
/// then adapted to `core.sharedRepository`.
pub(crate) fn new_file(tmp: &Path, mode: u32) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.permissions(fs::Permissions::from_mode(mode));
    let file = match builder.tempfile_in(tmp) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create_shared_dir_all(tmp)?;
            builder.tempfile_in(tmp)
        }
        file => file,
    };
    // `share` finds the repository by the path at which it was opened, which may be relative like `tmp`. `file.path()` is always absolute,
    // so it cannot be passed to `share`.
    file.inspect(|file| share(&tmp.join(file.path().file_name().unwrap_or_default())))
}

/// Fsyncs `file` and renames it to `dest`. The caller fsyncs the directory of `dest`.
pub(crate) fn persist(file: NamedTempFile, dest: &Path) -> Result<()> {
    file.as_file()
        .sync_all()
        .map_err(Error::io("fsync", dest))?;
    step("change files").map_err(Error::io("rename to", dest))?;
    file.persist(dest)
        .map_err(|error| Error::io("rename to", dest)(error.error))?;
    Ok(())
}

/// Returns the names in the directory at `path`.
pub(crate) fn names_in(path: &Path) -> io::Result<Vec<OsString>> {
    fs::read_dir(path)?
        .map(|entry| Ok(entry?.file_name()))
        .collect()
}

/// Removes a directory and everything in it, if it exists. If another process creates a file there at the same time, for example a git
/// process whose parent was killed, the removal is repeated for at most a second.
pub(crate) fn remove_tree(path: &Path) -> Result<()> {
    let mut waits = 50;
    loop {
        match step("change files").and_then(|()| fs::remove_dir_all(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty && waits > 0 => {
                waits -= 1;
                thread::sleep(Duration::from_millis(20));
            }
            removed => return removed.map_err(Error::io("remove", path)),
        }
    }
}

/// Removes a file if it exists.
pub(crate) fn remove_if_there(path: &Path) -> Result<()> {
    match step("change files").and_then(|()| fs::remove_file(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}
