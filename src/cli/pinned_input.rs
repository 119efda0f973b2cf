//! The input of `add --digest`: a file whose bytes are known to have the expected digest.

use std::fs::File;
use std::io::{self, Read, Seek as _, Write};
use std::path::Path;

use super::exit::{Error, Result};
use crate::config::ModuleLimits;
use crate::names::Digest;
use crate::store::{self, Hashing};

/// The size of the buffer for hashing a file, in bytes.
const BUFFER_BYTES: usize = 1 << 16;

/// Returns the file from which a module is stored, and its number of bytes, if the module has the digest `expected`. Reads everything
/// before anything is stored or sent. What cannot be read twice, such as a pipe or standard input (`-`), is copied to a temporary file.
///
/// # Errors
/// The file cannot be read; it has another digest; a copy would be larger than the default limit for modules.
pub(super) fn open_pinned(path: &Path, expected: Digest) -> Result<(File, u64)> {
    let input = |source| Error::Input {
        path: path.to_owned(),
        source,
    };
    let (file, digest) = match path == Path::new("-") {
        true => copied(io::stdin()),
        false => hashed(path),
    }
    .map_err(input)?;
    check(&path.to_string_lossy(), expected, digest)?;
    let size_bytes = file.metadata().map_err(input)?.len();
    Ok((file, size_bytes))
}

/// Returns an error if `actual`, the digest of the module that was read from `name`, is not `expected`.
pub(super) fn check(name: &str, expected: Digest, actual: Digest) -> Result<()> {
    if actual == expected {
        return Ok(());
    }
    let name = match name {
        "-" => "standard input",
        name => name,
    };
    Err(Error::Store(store::Error::OtherDigest {
        name: name.to_owned(),
        expected,
        actual,
    }))
}

/// Opens a file, and returns it with the digest of its bytes.
fn hashed(path: &Path) -> io::Result<(File, Digest)> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    // Some file systems, such as the one at /proc, report length 0 for files that are not empty.
    if !metadata.is_file() || metadata.len() == 0 {
        return copied(file);
    }
    let digest = copy(&mut file, &mut io::sink())?;
    file.rewind()?;
    Ok((file, digest))
}

/// Copies `source` to a temporary file, and returns it with the digest of its bytes.
fn copied(source: impl Read) -> io::Result<(File, Digest)> {
    let bytes_max = ModuleLimits::default().module_bytes_max;
    let mut file = tempfile::tempfile()?;
    let digest = copy(&mut source.take(bytes_max.saturating_add(1)), &mut file)?;
    if file.stream_position()? > bytes_max {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    file.rewind()?;
    Ok((file, digest))
}

/// Copies `source` to `target`, and returns the digest of the bytes.
fn copy(source: &mut impl Read, target: &mut impl Write) -> io::Result<Digest> {
    let mut hashing = Hashing::default();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(Digest::from_bytes(hashing.finish())),
            Ok(read) => {
                hashing.update(&buffer[..read]);
                target.write_all(&buffer[..read])?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
