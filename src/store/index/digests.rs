//! Adds missing module digests to the version index.

use std::sync::PoisonError;

use crate::names::{Digest, ModuleHash};
use crate::store::digest_cache::digest_of;
use crate::store::error::Result;
use crate::store::open::Store;

/// The number of digests that are written to the index in one transaction.
const STEP: u32 = 1024;

impl Store {
    /// Computes the digests that the index lacks. Returns whether it lacked any.
    pub(in crate::store) fn index_digests(&self) -> Result<bool> {
        let _digest_guard = self
            .digest_lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut previous = Vec::new();
        loop {
            let hashes = self.with_index(|index| Ok(index.modules_without_digest(STEP)?))?;
            // If the same modules still lack digests, another process keeps resetting the index, or the index does not store digests.
            // Another attempt would not help.
            if hashes.is_empty() || hashes == previous {
                return Ok(!previous.is_empty());
            }
            let digests: Vec<_> = hashes
                .iter()
                .map(|hash| (*hash, self.readable_digest(*hash)))
                .collect();
            self.with_index(|index| Ok(index.add_digests(&digests)?))?;
            previous = hashes;
        }
    }

    /// Returns the digest of a module; `None` if the module cannot be read, because `gc` removed it or the store is damaged.
    fn readable_digest(&self, hash: ModuleHash) -> Option<Digest> {
        self.digests.get(hash).or_else(|| {
            let bytes = self.repo.objects().blob(hash).ok().flatten()?;
            Some(digest_of(&bytes))
        })
    }
}
