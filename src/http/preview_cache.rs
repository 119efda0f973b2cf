//! A cache for the descriptions of uploaded modules. The web UI shows them before the modules are committed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::names::{Digest, ModuleHash, ModulePath};
use crate::web::Markup;

/// The limit on the length of all descriptions together, in bytes. A description that would exceed it replaces all others.
const BYTES_MAX: usize = 4 << 20;

/// The lookup key of a description: the digest of the uploaded module, the hash of the module that it would replace, and its path, because
/// the description may contain the path.
type Key = (Digest, Option<ModuleHash>, ModulePath);

/// A cache of the descriptions of uploaded modules, so that a module is not validated and compared again each time the page is loaded.
#[derive(Default)]
pub(super) struct PreviewCache(Mutex<Descriptions>);

#[derive(Default)]
struct Descriptions {
    bytes: usize,
    by_module: HashMap<Key, Markup>,
}

impl PreviewCache {
    /// Returns the description for a lookup key, if it is in the cache.
    pub fn get(&self, key: &Key) -> Option<Markup> {
        let descriptions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        descriptions.by_module.get(key).cloned()
    }

    /// Adds a description. If the cache would then exceed its limit, removes all others first.
    pub fn insert(&self, key: Key, description: Markup) {
        let mut descriptions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if descriptions.bytes + description.0.len() > BYTES_MAX {
            *descriptions = Descriptions::default();
        }
        descriptions.bytes += description.0.len();
        descriptions.by_module.insert(key, description);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_take_a_limited_amount_of_memory() {
        let cache = PreviewCache::default();
        let path: ModulePath = "a.wasm".parse().unwrap();
        let key = |n: u8| (Digest::from_bytes([n; 32]), None, path.clone());
        for n in 0..6 {
            cache.insert(key(n), maud::PreEscaped("x".repeat(1 << 20)));
        }
        assert!(cache.get(&key(0)).is_none());
        assert!(cache.get(&key(5)).is_some());
        assert!(cache.0.lock().unwrap().bytes <= BYTES_MAX);
        let replaced = ModuleHash::from_bytes(&[1; 20]);
        let other = (key(5).0, replaced, path.clone());
        assert!(cache.get(&other).is_none(), "another verdict");
    }
}
