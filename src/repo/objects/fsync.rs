//! Flushing: what makes a file, and its name, survive a power cut on any POSIX file system.
//!
//! fsync(2) of a file does not persist its name; the folder that holds the name is flushed on its own.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::repo::error::{Error, Result};

/// Flushes the content of the file at `path`.
pub(crate) fn sync_file(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(Error::io("flush", path))
}

/// Flushes the names in the folder at `path`.
pub(crate) fn sync_dir(path: &Path) -> Result<()> {
    sync_file(path)
}

/// Flushes `from` and every folder above it, up to and including `top`.
pub(crate) fn sync_dirs_up_to(from: &Path, top: &Path) -> Result<()> {
    for dir in from.ancestors() {
        sync_dir(dir)?;
        if dir == top {
            break;
        }
    }
    Ok(())
}

/// Creates the folder at `path` unless it is there, and makes its name durable.
pub(crate) fn create_dir(path: &Path) -> Result<()> {
    match fs::create_dir(path) {
        Ok(()) => sync_dir(
            path.parent()
                .expect("BUG: a folder of the store has a parent"),
        ),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Error::io("create", path)(error)),
    }
}

/// Writes `bytes` to a new file in `tmp`, flushes it, and gives it the name `dest`. The folder of `dest` is the caller's to
/// flush.
pub(crate) fn write_file(tmp: &Path, dest: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = new_file(tmp, 0o644).map_err(Error::io("create a file in", tmp))?;
    io::Write::write_all(&mut file, bytes).map_err(Error::io("write", dest))?;
    persist(file, dest)
}

/// A new file in the folder `tmp`, which is created if it is not there, with the given mode bits before the process's umask.
pub(crate) fn new_file(tmp: &Path, bits: u32) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    let builder = builder.permissions(fs::Permissions::from_mode(bits));
    match builder.tempfile_in(tmp) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(tmp)?;
            builder.tempfile_in(tmp)
        }
        file => file,
    }
}

/// Flushes `file` and gives it the name `dest`. The folder of `dest` is the caller's to flush.
pub(crate) fn persist(file: tempfile::NamedTempFile, dest: &Path) -> Result<()> {
    file.as_file()
        .sync_all()
        .map_err(Error::io("flush", dest))?;
    file.persist(dest)
        .map_err(|error| Error::io("rename to", dest)(error.error))?;
    Ok(())
}
