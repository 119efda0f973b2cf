//! The digests of modules, remembered by hash.

use std::sync::{Mutex, PoisonError};

use quick_cache::sync::Cache;

use crate::names::{Digest, ModuleHash};
use crate::repo;
use crate::wasm::{self, ModuleInfo};

/// How many are remembered; one takes about 100 bytes.
const DIGESTS_MAX: usize = 1 << 17;

/// The SHA-256 of modules that were read or stored lately. A hash never changes its meaning, nor does what it digests to.
pub(super) struct Digests {
    known: Cache<ModuleHash, Digest>,
    /// Held by who reads modules only to digest them: whoever searches for a digest may have to read them all, and one at a time
    /// in memory is enough.
    reading: Mutex<()>,
}

impl Default for Digests {
    fn default() -> Self {
        Self {
            known: Cache::new(DIGESTS_MAX),
            reading: Mutex::default(),
        }
    }
}

impl Digests {
    /// The digest of the module with these bytes.
    pub fn of(&self, hash: ModuleHash, bytes: &[u8]) -> Digest {
        self.known(hash).unwrap_or_else(|| {
            let digest = Digest::from_bytes(wasm::sha256(bytes));
            self.known.insert(hash, digest);
            digest
        })
    }

    /// The digest of a module that is read for it if need be.
    pub fn known_or_read(
        &self,
        hash: ModuleHash,
        read: impl FnOnce() -> Result<Vec<u8>, repo::Error>,
    ) -> Result<Digest, repo::Error> {
        if let Some(digest) = self.known(hash) {
            return Ok(digest);
        }
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        match self.known(hash) {
            Some(digest) => Ok(digest),
            None => Ok(self.of(hash, &read()?)),
        }
    }

    /// The digest of a module, if it is remembered.
    pub fn known(&self, hash: ModuleHash) -> Option<Digest> {
        self.known.get(&hash)
    }

    /// Notes what validation found.
    pub fn remember(&self, hash: ModuleHash, info: &ModuleInfo) {
        self.known.insert(hash, Digest::from_bytes(info.sha256));
    }
}
