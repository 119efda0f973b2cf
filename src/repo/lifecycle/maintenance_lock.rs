//! The lock of scheduled maintenance, and the file in which maintenance records its finished jobs (the *notes*).

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};

use crate::repo::error::{Error, Result};
use crate::repo::fs::new_file;
use crate::repo::locks::Guard;
use crate::repo::parts::Parts;

/// The maximum size of the notes, in bytes. A larger file is not read, and wasmstore never writes one.
const NOTES_BYTES_MAX: u64 = 64 << 10;

/// The lock of scheduled maintenance; dropping it releases the lock.
#[derive(Debug)]
pub struct MaintenanceLock {
    _guard: Guard,
}

/// Takes the lock of scheduled maintenance; `None` if another server holds it.
///
/// # Errors
/// The lock file cannot be created.
pub(crate) fn lock(parts: &Parts) -> Result<Option<MaintenanceLock>> {
    let guard = parts.locks.try_maintenance()?;
    Ok(guard.map(|_guard| MaintenanceLock { _guard }))
}

/// Returns the notes, the stored state of the scheduled maintenance jobs; empty if they cannot be read.
pub(crate) fn notes(parts: &Parts) -> Vec<u8> {
    read_regular_file(&notes_path(parts)).unwrap_or_default()
}

/// Replaces the notes, the stored state of the scheduled maintenance jobs. Does not fsync them: if they are lost, the only effect is that
/// jobs run at other times.
///
/// # Errors
/// The file of the notes cannot be written.
pub(crate) fn write_notes(parts: &Parts, _: &MaintenanceLock, notes: &[u8]) -> Result<()> {
    let file = notes_path(parts);
    let write = || {
        // The umask alone limits who can read the notes, as for the other files of the store.
        let mut new = new_file(&parts.objects.tmp_dir(), 0o666)?;
        new.write_all(notes)?;
        new.persist(&file)?;
        Ok(())
    };
    write().map_err(Error::io("write", &file))
}

fn notes_path(parts: &Parts) -> PathBuf {
    parts.own_dir().join("maintenance.json")
}

/// Reads a regular file. A symbolic link is not followed, and a named pipe does not block.
fn read_regular_file(path: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    file.take(NOTES_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > NOTES_BYTES_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}
