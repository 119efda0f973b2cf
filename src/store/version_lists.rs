//! A cache of the lists of versions of paths.

use std::sync::Arc;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use super::error::Result;
use super::versions::Version;
use crate::names::{CommitId, ModulePath};

/// The capacity of the cache, in bytes. It has room for 200,000 versions.
const BYTES_MAX: u64 = 16 << 20;
/// The number of lists for which the cache allocates memory when it is created.
const LISTS_EXPECTED: usize = 1024;
/// The memory of a list without its versions and its path, in bytes.
const LIST_BYTES: usize = 256;

/// A cache of lists of versions. A list has the versions of a path in the history of a commit, and never changes. The cache is for long
/// lists that are sent in pieces: each piece is taken from the cached list.
pub(super) struct VersionLists(Cache<(CommitId, ModulePath), Arc<[Version]>, ByBytes>);

impl Default for VersionLists {
    fn default() -> Self {
        let options = OptionsBuilder::new()
            .estimated_items_capacity(LISTS_EXPECTED)
            .weight_capacity(BYTES_MAX)
            // Uses one shard, because a list that is larger than a shard is not cached.
            .shards(1)
            .build();
        Self(Cache::with_options(
            options.expect("BUG: both capacities are given"),
            ByBytes,
            DefaultHashBuilder::default(),
            DefaultLifecycle::default(),
        ))
    }
}

impl VersionLists {
    /// Returns the list for a path in the history of `tip`. Computes it if it is not cached; concurrent callers compute it once.
    pub fn get_or_compute(
        &self,
        tip: CommitId,
        path: &ModulePath,
        compute: impl FnOnce() -> Result<Arc<[Version]>>,
    ) -> Result<Arc<[Version]>> {
        self.0.get_or_insert_with(&(tip, path.clone()), compute)
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<(CommitId, ModulePath), Arc<[Version]>> for ByBytes {
    fn weight(&self, (_, path): &(CommitId, ModulePath), versions: &Arc<[Version]>) -> u64 {
        (size_of_val(&**versions) + path.as_str().len() + LIST_BYTES) as u64
    }
}
