//! Writes output files that the user names, for example with `--output`.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::exit::{Error, Result};

/// The reason for which an output file was not written.
pub(super) enum WriteFailure {
    /// Writing the file failed.
    File(io::Error),
    /// Producing the content failed.
    Content(Error),
}

impl WriteFailure {
    /// Converts this failure to the error of the command. `path` is the output file.
    fn at(self, path: &Path) -> Error {
        match self {
            Self::Content(error) => error,
            Self::File(source) => Error::OutputFile {
                path: path.to_owned(),
                source,
            },
        }
    }
}

impl From<io::Error> for WriteFailure {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl From<Error> for WriteFailure {
    fn from(error: Error) -> Self {
        Self::Content(error)
    }
}

/// Writes what `content` produces to a file. A regular file is replaced atomically and fsynced; a symbolic link is followed. A file that
/// is not regular, such as a pipe or a device, is written directly. So are files in `/dev` and `/proc`, because `/dev/stdout` may be a log
/// file, which must not be replaced.
pub(super) fn write(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> Result<(), WriteFailure>,
) -> Result<()> {
    let written = match fs::metadata(path) {
        Ok(existing) if !existing.is_file() || is_in_system_directory(path) => File::options()
            .append(true)
            .open(path)
            .map_err(WriteFailure::File)
            .and_then(|mut file| content(&mut file)),
        Ok(existing) => fs::canonicalize(path)
            .map_err(WriteFailure::File)
            .and_then(|path| replace(&path, existing.permissions(), content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path, content),
        Err(error) => Err(WriteFailure::File(error)),
    };
    written.map_err(|failure| failure.at(path))
}

/// Atomically writes a regular file that only the user can read, and fsyncs it. Follows a symbolic link.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let written = replace(&target, Permissions::from_mode(0o600), |file| {
        Ok(file.write_all(bytes)?)
    });
    written.map_err(|failure| failure.at(path))
}

fn create(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> Result<(), WriteFailure>,
) -> Result<(), WriteFailure> {
    // If `path` is a dangling symbolic link, the file that it points to is created, and the link stays.
    let target = match fs::read_link(path) {
        Ok(target) => path.with_file_name("").join(target),
        Err(_) => path.to_owned(),
    };
    // The system applies the umask to these permissions, as for any new file.
    replace(&target, Permissions::from_mode(0o666), content)
}

/// Writes a temporary file with these permissions, fsyncs it and renames it to `path`.
fn replace(
    path: &Path,
    permissions: Permissions,
    content: impl FnOnce(&mut dyn Write) -> Result<(), WriteFailure>,
) -> Result<(), WriteFailure> {
    let directory = match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory.to_owned(),
        _ => PathBuf::from("."),
    };
    // Reports a missing directory, a common mistake: the error of `tempfile` would lack the system's text.
    fs::metadata(&directory)?;
    let mut file = tempfile::Builder::new()
        .permissions(permissions)
        .tempfile_in(&directory)
        .map_err(without_path)?;
    content(&mut file)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|failed| failed.error)?;
    Ok(File::open(directory)?.sync_all()?)
}

/// Returns whether the path is in `/dev` or `/proc`. `/dev/shm` does not count, because it has ordinary files (shm_overview(7)).
fn is_in_system_directory(path: &Path) -> bool {
    let is_in = |directory: &str| path.starts_with(directory);
    is_in("/proc") || is_in("/dev") && !is_in("/dev/shm")
}

/// Removes the name of the temporary file from an error, because the user does not know this file.
fn without_path(error: io::Error) -> io::Error {
    error.raw_os_error().map_or_else(
        || io::Error::from(error.kind()),
        io::Error::from_raw_os_error,
    )
}
