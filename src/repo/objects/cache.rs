//! What was read, kept in memory by object id.
//!
//! Nothing here is ever invalidated: an id never changes its meaning. Only readers look here. A change is judged on what is in
//! the repository at that moment: an object that is remembered may be gone from it.

use std::ops::Deref;
use std::sync::Arc;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use crate::config::CacheLimits;
use crate::names::{CommitId, ModuleHash};
use crate::repo::objects::commit::Commit;

/// How many commits are remembered: the tips of branches, mostly.
const COMMITS_MAX: usize = 1024;
/// How many bytes of trees and commits are remembered as they were written.
const RECENT_BYTES_MAX: u64 = 16 << 20;
/// About how many modules and trees the caches are laid out for.
const ITEMS_EXPECTED: usize = 4096;
/// What an entry of a decoded tree takes up besides its name, in bytes.
const ENTRY_BYTES: usize = 56;
/// What an item takes up besides its content, in bytes.
const ITEM_BYTES: usize = 128;

/// The bytes of a blob, shared by whoever reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob(Arc<Vec<u8>>);

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::new(bytes))
    }
}

impl Deref for Blob {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Blob {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// How often a cache knew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheUse {
    /// Look-ups that were answered.
    pub hits: u64,
    /// Look-ups that were not.
    pub misses: u64,
}

/// The caches of one open repository, shared by its threads.
pub(crate) struct Caches {
    pub blobs: Cache<ModuleHash, Blob, ByBytes>,
    pub trees: Cache<gix::ObjectId, Arc<gix::objs::Tree>, ByBytes>,
    pub commits: Cache<CommitId, Arc<Commit>>,
    /// Trees and commits as they were written lately: the version index is going to compare them.
    pub encoded: Cache<gix::ObjectId, Arc<Vec<u8>>, ByBytes>,
}

impl Caches {
    /// Empty caches of the given sizes.
    pub fn new(limits: &CacheLimits) -> Self {
        Self {
            blobs: Cache::with_weighter(ITEMS_EXPECTED, limits.module_bytes_max, ByBytes),
            trees: Cache::with_weighter(ITEMS_EXPECTED, limits.tree_bytes_max, ByBytes),
            commits: Cache::new(COMMITS_MAX),
            encoded: first_in_first_out(RECENT_BYTES_MAX),
        }
    }

    /// How the cache of modules and that of trees are used.
    pub fn uses(&self) -> [CacheUse; 2] {
        let (blobs, trees) = (&self.blobs, &self.trees);
        [
            CacheUse {
                hits: blobs.hits(),
                misses: blobs.misses(),
            },
            CacheUse {
                hits: trees.hits(),
                misses: trees.misses(),
            },
        ]
    }
}

/// A cache of what is asked for once, soon: what came first goes first, and nothing is kept for having been asked for.
fn first_in_first_out(bytes_max: u64) -> Cache<gix::ObjectId, Arc<Vec<u8>>, ByBytes> {
    let options = OptionsBuilder::new()
        .estimated_items_capacity(ITEMS_EXPECTED)
        .weight_capacity(bytes_max)
        .hot_allocation(0.01)
        .build()
        .expect("BUG: both capacities are given");
    Cache::with_options(
        options,
        ByBytes,
        DefaultHashBuilder::default(),
        DefaultLifecycle::default(),
    )
}

/// Weighs by memory taken up.
#[derive(Clone)]
pub(crate) struct ByBytes;

impl Weighter<ModuleHash, Blob> for ByBytes {
    fn weight(&self, _: &ModuleHash, blob: &Blob) -> u64 {
        (blob.len() + ITEM_BYTES) as u64
    }
}

impl Weighter<gix::ObjectId, Arc<Vec<u8>>> for ByBytes {
    fn weight(&self, _: &gix::ObjectId, bytes: &Arc<Vec<u8>>) -> u64 {
        (bytes.len() + ITEM_BYTES) as u64
    }
}

impl Weighter<gix::ObjectId, Arc<gix::objs::Tree>> for ByBytes {
    fn weight(&self, _: &gix::ObjectId, tree: &Arc<gix::objs::Tree>) -> u64 {
        let entries = tree.entries.iter();
        let bytes: usize = entries
            .map(|entry| entry.filename.len() + ENTRY_BYTES)
            .sum();
        (bytes + ITEM_BYTES) as u64
    }
}
