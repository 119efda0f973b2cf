//! A cache of module digests by hash.

use quick_cache::sync::Cache;

use crate::names::{Digest, ModuleHash};
use crate::wasm::{self, ModuleInfo};

/// The capacity of the cache, in entries. An entry takes about 100 bytes.
const DIGESTS_MAX: usize = 1 << 17;

/// A cache of the SHA-256 digests of modules, by git blob id. Entries never become stale, because a blob id identifies the bytes.
pub(super) struct DigestCache(Cache<ModuleHash, Digest>);

impl Default for DigestCache {
    fn default() -> Self {
        Self(Cache::new(DIGESTS_MAX))
    }
}

impl DigestCache {
    /// Returns the digest of a module, computing it from `bytes` if it is not cached.
    pub fn get_or_compute(&self, hash: ModuleHash, bytes: &[u8]) -> Digest {
        self.get(hash).unwrap_or_else(|| {
            let digest = digest_of(bytes);
            self.0.insert(hash, digest);
            digest
        })
    }

    /// Returns the digest of a module; `None` if it is not cached.
    pub fn get(&self, hash: ModuleHash) -> Option<Digest> {
        self.0.get(&hash)
    }

    /// Caches the digest of a module, which its validation has computed.
    pub fn insert(&self, hash: ModuleHash, info: &ModuleInfo) {
        self.0.insert(hash, Digest::from_bytes(info.sha256));
    }
}

/// Computes the digest of a module.
pub(super) fn digest_of(bytes: &[u8]) -> Digest {
    Digest::from_bytes(wasm::sha256(bytes))
}
