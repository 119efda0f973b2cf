//! How full a store is, and how its caches are used.

use super::error::Result;
use super::open::Store;
use crate::repo::CacheUse;

/// How full a store is, and how its caches are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Objects in files of their own.
    pub loose_objects: u64,
    /// Objects in packs.
    pub packed_objects: u64,
    /// Packs.
    pub packs: u64,
    /// Refs.
    pub refs: u64,
}

impl Store {
    /// Counts objects and refs: a look at every folder of objects.
    pub fn statistics(&self) -> Result<Statistics> {
        let objects = self.repo.count_objects()?;
        Ok(Statistics {
            loose_objects: objects.loose,
            packed_objects: objects.packed,
            packs: objects.packs,
            refs: self.repo.refs().branches()?.len() as u64,
        })
    }

    /// How the cache of modules and that of trees are used.
    pub fn cache_uses(&self) -> [CacheUse; 2] {
        self.repo.cache_uses()
    }
}
