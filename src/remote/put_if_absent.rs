//! Puts a module at a path only if the path has no module, or a module with the same bytes.

use std::io::{self, Read};

use super::error::Result;
use super::module_source::{ModuleSource, SeekableRead};
use super::operations::StoreOperations;
use crate::names::{Digest, ModuleHash, ModulePath, ModuleRef};
use crate::store::{self, Change, ErrorKind, Hashing, Published, Revision};

/// Puts a module at a path that has no module. If the path already has a module with the same bytes, returns success without a new commit,
/// so that a job that runs twice publishes once and does not fail.
///
/// # Errors
/// The path has another module; the errors of [`StoreOperations::put`].
pub fn put_if_absent(
    store: &dyn StoreOperations,
    change: &Change,
    path: &ModulePath,
    source: ModuleSource<'_>,
) -> Result<Published<ModuleHash>> {
    let mut source = HashedSource::new(source);
    let refused = match store.put(change, path, source.source()) {
        Ok(stored) => return Ok(stored),
        Err(error) if error.kind() == Some(ErrorKind::Precondition) => error,
        Err(error) => return Err(error),
    };
    let Ok(digest) = source.digest() else {
        return Err(refused);
    };
    let revision = Revision::Branch(change.branch.clone());
    match store.info(&revision, &ModuleRef::Path(path.clone())) {
        Ok(there) if there.digest == digest.to_string() => {
            let branch = match &change.branch {
                Some(branch) => branch.clone(),
                None => store.default_branch()?,
            };
            Ok(Published {
                branch: Some(branch),
                commit: Some(store.snapshot(&revision)?),
                has_moved: false,
                value: ModuleHash::parse(&there.hash).map_err(store::Error::from)?,
            })
        }
        _ => Err(refused),
    }
}

/// The bytes of a module to upload, whose digest is needed after the upload has succeeded or failed.
enum HashedSource<'s> {
    /// A stream, which can be read only once and is hashed while it is sent, and its length in bytes if it is known.
    Stream(HashingReader<'s>, Option<u64>),
    /// A file, which is read again to compute the digest, its length in bytes, and the digest that it must have, if any.
    File(&'s mut dyn SeekableRead, u64, Option<Digest>),
}

impl<'s> HashedSource<'s> {
    fn new(source: ModuleSource<'s>) -> Self {
        match source {
            ModuleSource::Stream(source, size_bytes) => {
                let hashing = Hashing::default();
                Self::Stream(HashingReader { source, hashing }, size_bytes)
            }
            ModuleSource::File(file, size_bytes, digest) => Self::File(file, size_bytes, digest),
        }
    }

    fn source(&mut self) -> ModuleSource<'_> {
        match self {
            Self::Stream(stream, size_bytes) => ModuleSource::Stream(stream, *size_bytes),
            Self::File(file, size_bytes, digest) => {
                ModuleSource::File(&mut **file, *size_bytes, *digest)
            }
        }
    }

    /// Returns the digest of all bytes. A server may have rejected the upload before it read the whole module, so the rest is read here.
    fn digest(self) -> io::Result<Digest> {
        let mut reader = match self {
            Self::Stream(stream, _) => stream,
            Self::File(file, ..) => {
                file.rewind()?;
                HashingReader {
                    source: file,
                    hashing: Hashing::default(),
                }
            }
        };
        io::copy(&mut reader, &mut io::sink())?;
        Ok(Digest::from_bytes(reader.hashing.finish()))
    }
}

/// A reader that computes the SHA-256 of the bytes that it reads from `source`.
struct HashingReader<'s> {
    source: &'s mut dyn Read,
    hashing: Hashing,
}

impl Read for HashingReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.hashing.update(&buffer[..read]);
        Ok(read)
    }
}
