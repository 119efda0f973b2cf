//! Statistics about the objects and the caches of a store.

use super::error::Result;
use super::open::Store;
use crate::repo::CacheUse;

/// The numbers of objects and branches in a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// The number of loose objects.
    pub loose_objects: u64,
    /// The number of objects in packs.
    pub packed_objects: u64,
    /// The number of packs.
    pub packs: u64,
    /// The number of branches.
    pub branches: u64,
}

impl Store {
    /// Counts objects and branches. Reads every object directory.
    pub fn statistics(&self) -> Result<Statistics> {
        let objects = self.repo.count_objects()?;
        Ok(Statistics {
            loose_objects: objects.loose,
            packed_objects: objects.packed,
            packs: objects.packs,
            branches: self.repo.refs().branches()?.len() as u64,
        })
    }

    /// Returns the usage of the module cache and of the tree cache.
    pub fn cache_uses(&self) -> [CacheUse; 2] {
        self.repo.cache_uses()
    }
}
