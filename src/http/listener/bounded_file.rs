//! Files that others write while the server runs: read without waiting for anybody, and never more than is sensible.

use std::fs::{File, metadata};
use std::io::{self, Read as _};
use std::path::Path;

/// Reads a regular file. A pipe is not even opened: that would wait for who writes to it.
///
/// # Errors
/// It is none, or cannot be read; `FileTooLarge` if it has more than `bytes_max` bytes.
pub(crate) fn read_regular(file: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    if !metadata(file)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    read_any(file, bytes_max)
}

/// Reads whatever has that name, a pipe to its end.
///
/// # Errors
/// It cannot be read; `FileTooLarge` if it has more than `bytes_max` bytes.
pub(crate) fn read_any(file: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?
        .take(bytes_max + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        let reason = format!("it is larger than {bytes_max} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(bytes)
}
