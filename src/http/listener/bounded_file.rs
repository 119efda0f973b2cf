//! Reads files that other programs may replace while the server runs, up to a size limit.

use std::fs::{File, metadata};
use std::io::{self, Read as _};
use std::path::Path;

/// Reads a regular file. Anything else is rejected before it is opened, because opening a named pipe blocks until the pipe has a writer.
///
/// # Errors
/// If `file` is not a regular file or cannot be read; `FileTooLarge` if it has more than `bytes_max` bytes.
pub(crate) fn read_bounded_regular_file(file: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    if !metadata(file)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    read_bounded(file, bytes_max)
}

/// Reads a file of any type. A pipe is read to its end.
///
/// # Errors
/// If `file` cannot be read; `FileTooLarge` if it has more than `bytes_max` bytes.
pub(crate) fn read_bounded(file: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
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
