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

/// Writes a regular file whole or not at all, durably; anything else, a pipe or a device, as it comes. A symbolic link is
/// followed.
pub(super) fn write(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> Result<(), Failed>,
) -> Result<()> {
    let written = match fs::metadata(path) {
        Ok(there) if !there.is_file() => File::create(path)
            .map_err(Failed::Write)
            .and_then(|mut to| content(&mut to)),
        Ok(there) => fs::canonicalize(path)
            .map_err(Failed::Write)
            .and_then(|path| replace(&path, there.permissions(), content)),
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
    fill(&target, content).map(drop)
}

fn replace(
    path: &Path,
    permissions: Permissions,
    content: impl FnOnce(&mut dyn Write) -> Result<(), Failed>,
) -> Result<(), Failed> {
    Ok(fill(path, content)?.set_permissions(permissions)?)
}

/// Fills a new file, flushes it, and gives it the name `path`.
fn fill(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> Result<(), Failed>,
) -> Result<File, Failed> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    // The process's umask takes from these permissions what it takes from a new file's.
    let permissions = Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new()
        .permissions(permissions)
        .tempfile_in(&folder)
        .map_err(plain)?;
    content(&mut file)?;
    file.as_file().sync_all()?;
    let file = file.persist(path).map_err(|failed| failed.error)?;
    File::open(folder)?.sync_all()?;
    Ok(file)
}

/// The operating system's reason without the name of the temporary file.
fn plain(error: io::Error) -> io::Error {
    error.raw_os_error().map_or_else(
        || io::Error::from(error.kind()),
        io::Error::from_raw_os_error,
    )
}
