//! What maintenance on schedule needs of a store's folder: a lock, and a file that tells what was done.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};

use crate::repo::error::{Error, Result};
use crate::repo::fs::new_file;
use crate::repo::locks::Guard;
use crate::repo::parts::Parts;

/// The most that is read of the notes, in bytes: what is larger is something else.
const NOTES_BYTES_MAX: u64 = 64 << 10;

/// No other server maintains the store. Dropping it releases.
#[derive(Debug)]
pub struct MaintenanceLock {
    _guard: Guard,
}

/// Takes the lock of maintenance; `None` if another server has it.
///
/// # Errors
/// The lock cannot be made.
pub(crate) fn lock(parts: &Parts) -> Result<Option<MaintenanceLock>> {
    let guard = parts.locks.try_maintenance()?;
    Ok(guard.map(|_guard| MaintenanceLock { _guard }))
}

/// What is noted of maintenance; nothing where that cannot be read.
pub(crate) fn notes(parts: &Parts) -> Vec<u8> {
    read(&notes_path(parts)).unwrap_or_default()
}

/// Replaces what is noted of maintenance. It is not flushed: what is lost has the store maintained later.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn write_notes(parts: &Parts, _: &MaintenanceLock, notes: &[u8]) -> Result<()> {
    let file = notes_path(parts);
    let written = || {
        // Whoever may read the store may read it.
        let mut new = new_file(&parts.objects.tmp_dir(), 0o666)?;
        new.write_all(notes)?;
        new.persist(&file)?;
        Ok(())
    };
    written().map_err(Error::io("write", &file))
}

fn notes_path(parts: &Parts) -> PathBuf {
    parts.own_dir().join("maintenance.json")
}

/// Reads a regular file. It neither follows a link, nor waits for who writes to a pipe.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    file.take(NOTES_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > NOTES_BYTES_MAX {
        true => Err(io::ErrorKind::FileTooLarge.into()),
        false => Ok(bytes),
    }
}
