//! Puts a module at a path only if the path has no module, or a module with the same bytes.

use std::io::{self, Read};

use super::error::{Error, Result};
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
    source: &mut dyn Read,
    size_bytes: Option<u64>,
) -> Result<Published<ModuleHash>> {
    let mut source = HashingReader {
        source,
        hashing: Hashing::default(),
    };
    let refused = match store.put(change, path, &mut source, size_bytes) {
        Ok(stored) => return Ok(stored),
        Err(error) if is_failed_precondition(&error) => error,
        Err(error) => return Err(error),
    };
    // A server may have rejected the upload before it read the whole module. So the rest of the module is read here, to compute its digest.
    if io::copy(&mut source, &mut io::sink()).is_err() {
        return Err(refused);
    }
    let digest = Digest::from_bytes(source.hashing.finish());
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

fn is_failed_precondition(error: &Error) -> bool {
    let kind = match error {
        Error::Store(error) => error.kind(),
        Error::Refused(response) => response.kind(),
        _ => return false,
    };
    kind == ErrorKind::Precondition
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
