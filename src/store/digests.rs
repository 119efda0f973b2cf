//! The digests of modules, remembered by hash.

use quick_cache::sync::Cache;

use crate::names::{Digest, ModuleHash};
use crate::wasm::{self, ModuleInfo};

/// How many are remembered; one takes about 100 bytes.
const DIGESTS_MAX: usize = 1 << 17;

/// The SHA-256 of modules that were read or stored lately. A hash never changes its meaning, nor does what it digests to.
pub(super) struct Digests(Cache<ModuleHash, Digest>);

impl Default for Digests {
    fn default() -> Self {
        Self(Cache::new(DIGESTS_MAX))
    }
}

impl Digests {
    /// The digest of the module with these bytes.
    pub fn of(&self, hash: ModuleHash, bytes: &[u8]) -> Digest {
        self.known(hash).unwrap_or_else(|| {
            let digest = Digest::from_bytes(wasm::sha256(bytes));
            self.0.insert(hash, digest);
            digest
        })
    }

    /// The digest of a module, if it is remembered.
    pub fn known(&self, hash: ModuleHash) -> Option<Digest> {
        self.0.get(&hash)
    }

    /// Notes what validation found.
    pub fn remember(&self, hash: ModuleHash, info: &ModuleInfo) {
        self.0.insert(hash, Digest::from_bytes(info.sha256));
    }
}
