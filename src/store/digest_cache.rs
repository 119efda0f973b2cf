//! The digests of modules, remembered by hash.

use std::sync::{Mutex, PoisonError};

use quick_cache::sync::Cache;

use super::error::Result;
use super::open::Store;
use crate::names::{Digest, ModuleHash};
use crate::wasm::{self, ModuleInfo};

/// How many are computed before they are noted in the index.
const STEP: u32 = 1024;

/// How many are remembered; one takes about 100 bytes.
const DIGESTS_MAX: usize = 1 << 17;

/// The SHA-256 of modules that were read or stored lately. A hash never changes its meaning, nor does what it digests to.
pub(super) struct Digests {
    known: Cache<ModuleHash, Digest>,
    /// Held by who reads modules only to digest them: the others wait for it, and one at a time in memory is enough.
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
            let digest = digest_of(bytes);
            self.known.insert(hash, digest);
            digest
        })
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

impl Store {
    /// Computes the digests of all modules of which the index knows none; whether there were any.
    pub(super) fn digest_all(&self) -> Result<bool> {
        let reading = &self.digests.reading;
        let _reading = reading.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last = Vec::new();
        loop {
            let hashes = self.recovering(|index| Ok(index.undigested(STEP)?))?;
            if hashes.is_empty() || hashes == last {
                return Ok(!last.is_empty());
            }
            let digest = |hash: &ModuleHash| match self.digests.known(*hash) {
                Some(digest) => Some(digest),
                // Of history that was collected since, and of a damaged store, some cannot be read.
                None => self
                    .repo
                    .objects()
                    .blob(*hash)
                    .ok()
                    .flatten()
                    .map(|bytes| digest_of(&bytes)),
            };
            let digests: Vec<_> = hashes.iter().map(|hash| (*hash, digest(hash))).collect();
            self.recovering(|index| Ok(index.add_digests(&digests)?))?;
            last = hashes;
        }
    }
}

fn digest_of(bytes: &[u8]) -> Digest {
    Digest::from_bytes(wasm::sha256(bytes))
}
