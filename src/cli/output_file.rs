//! A file that a person named for the output.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::exit::{Error, Result};

/// Why the content did not get into the file.
pub(super) enum Failed {
    /// The file could not be written.
    Write(io::Error),
    /// Whoever makes the content failed.
    Content(Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Content(error)
    }
}

/// Writes a regular file whole or not at all, durably. A symbolic link is followed. Anything else, a pipe or a device, is written
/// to as it comes, and so is what the system has a name for: behind `/dev/stdout` may be somebody's log.
pub(super) fn write(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> Result<(), Failed>,
) -> Result<()> {
    let written = match fs::metadata(path) {
        Ok(there) if !there.is_file() || is_system(path) => File::options()
            .append(true)
            .open(path)
            .map_err(Failed::Write)
            .and_then(|mut to| content(&mut to)),
        Ok(there) => fs::canonicalize(path)
            .map_err(Failed::Write)
            .and_then(|path| fill(&path, there.permissions(), content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path, content),
        Err(error) => Err(Failed::Write(error)),
    };
    written.map_err(|failed| match failed {
        Failed::Content(error) => error,
        Failed::Write(source) => Error::OutputFile {
            path: path.to_owned(),
            source,
        },
    })
}

fn create(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> Result<(), Failed>,
) -> Result<(), Failed> {
    // A link that leads nowhere is kept; the file appears where it leads.
    let target = match fs::read_link(path) {
        Ok(to) => path.with_file_name("").join(to),
        Err(_) => path.to_owned(),
    };
    // The process's umask takes from these permissions what it takes from a new file's.
    fill(&target, Permissions::from_mode(0o666), content)
}

/// Fills a new file with these permissions, flushes it, and gives it the name `path`.
fn fill(
    path: &Path,
    permissions: Permissions,
    content: impl FnOnce(&mut dyn Write) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut file = tempfile::Builder::new()
        .permissions(permissions)
        .tempfile_in(&folder)
        .map_err(plain)?;
    content(&mut file)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|failed| failed.error)?;
    Ok(File::open(folder)?.sync_all()?)
}

fn is_system(path: &Path) -> bool {
    ["/dev", "/proc"]
        .iter()
        .any(|folder| path.starts_with(folder))
}

/// The operating system's reason without the name of the temporary file.
fn plain(error: io::Error) -> io::Error {
    error.raw_os_error().map_or_else(
        || io::Error::from(error.kind()),
        io::Error::from_raw_os_error,
    )
}
