//! In-memory caches of objects, by id.
//!
//! Entries are never invalidated, because an id never changes its meaning. Only readers use the caches. Writers read the objects in the
//! repository, because a cached object may have been deleted there.

use std::ops::Deref;
use std::sync::Arc;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use crate::config::CacheLimits;
use crate::names::{CommitId, ModuleHash};
use crate::repo::objects::commit::Commit;

/// The maximum number of cached commits. Most of them are tips of branches.
const COMMITS_MAX: usize = 1024;
/// The maximum size of all cached encoded trees and commits, in bytes.
const ENCODED_BYTES_MAX: u64 = 16 << 20;
/// The expected number of items in each cache.
const ITEMS_EXPECTED: usize = 4096;
/// The number of shards of the cache of trees.
const TREE_SHARDS: usize = 2;
/// The memory that one entry of a decoded tree takes, without the entry's name, in bytes.
const ENTRY_BYTES: usize = 56;
/// The memory that one cached item takes, without its content, in bytes.
const ITEM_BYTES: usize = 128;

/// The bytes of a blob, shared by all readers.
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

/// The hits and misses of a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheUse {
    /// Lookups that found an entry.
    pub hits: u64,
    /// Lookups that found no entry.
    pub misses: u64,
}

/// The caches of one open repository, shared by its threads.
pub(crate) struct Caches {
    pub blobs: Cache<ModuleHash, Blob, ByBytes>,
    pub trees: Cache<gix::ObjectId, Arc<gix::objs::Tree>, ByBytes>,
    pub commits: Cache<CommitId, Arc<Commit>>,
    /// Recently written trees and commits in their encoded form. Each is read once, when the new commits are added to the version index.
    pub encoded: Cache<gix::ObjectId, Arc<Vec<u8>>, ByBytes>,
}

impl Caches {
    /// Returns empty caches of the given sizes.
    pub fn new(limits: &CacheLimits) -> Self {
        Self {
            blobs: Cache::with_weighter(ITEMS_EXPECTED, limits.module_bytes_max, ByBytes),
            trees: tree_cache(limits.tree_bytes_max),
            commits: Cache::new(COMMITS_MAX),
            encoded: first_in_first_out(ENCODED_BYTES_MAX),
        }
    }

    /// Returns the hits and misses of the module cache and of the tree cache.
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

/// Returns a cache for trees. It has few shards: a tree that is larger than a shard is not cached, and a long list of modules is sent in
/// pages, each of which needs the same tree.
fn tree_cache(bytes_max: u64) -> Cache<gix::ObjectId, Arc<gix::objs::Tree>, ByBytes> {
    cache(bytes_max, OptionsBuilder::new().shards(TREE_SHARDS))
}

/// Returns a cache for items that are read once, soon after they were added: it evicts the oldest item, and a lookup does not delay an
/// item's eviction.
fn first_in_first_out(bytes_max: u64) -> Cache<gix::ObjectId, Arc<Vec<u8>>, ByBytes> {
    cache(bytes_max, OptionsBuilder::new().hot_allocation(0.01))
}

fn cache<V>(bytes_max: u64, options: &mut OptionsBuilder) -> Cache<gix::ObjectId, V, ByBytes>
where
    V: Clone,
    ByBytes: Weighter<gix::ObjectId, V>,
{
    let options = options
        .estimated_items_capacity(ITEMS_EXPECTED)
        .weight_capacity(bytes_max)
        .build()
        .expect("BUG: both capacities are given");
    Cache::with_options(
        options,
        ByBytes,
        DefaultHashBuilder::default(),
        DefaultLifecycle::default(),
    )
}

/// Weighs a cached item by the memory that it takes, in bytes.
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
