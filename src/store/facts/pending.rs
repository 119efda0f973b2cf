//! Pending facts: facts that uploads have collected and that are not in the version index yet.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::names::ModuleHash;
use crate::wasm::Facts;

/// The maximum memory for all pending facts (facts about modules that are not in the version index yet), in bytes. Facts that do not fit
/// are dropped, and computed again from the blob later.
const BYTES_MAX: u64 = 32 << 20;

/// The number of entries for which the cache allocates memory when it is created.
const ENTRIES: usize = 1024;

/// Facts about modules that are not in the version index yet, by git blob id. An entry never becomes wrong, because a blob id identifies
/// the bytes.
pub(in crate::store) struct PendingFacts(Cache<ModuleHash, Arc<Facts>, ByMemory>);

#[derive(Clone)]
struct ByMemory;

impl Weighter<ModuleHash, Arc<Facts>> for ByMemory {
    fn weight(&self, _: &ModuleHash, facts: &Arc<Facts>) -> u64 {
        memory_bytes(facts)
    }
}

/// An upper bound on the memory that one item of a list takes, without its texts, in bytes.
const ITEM_BYTES: usize = 128;

/// Returns an estimate of the memory that facts take, in bytes. Texts that items share are counted for each of them.
fn memory_bytes(facts: &Facts) -> u64 {
    let length = |text: Option<&str>| text.map_or(0, str::len);
    let imports = facts.imports.items.iter();
    let imports: usize = imports
        .map(|import| {
            length(import.module.as_deref()) + import.name.len() + length(import.ty.as_deref())
        })
        .sum();
    let exports = facts.exports.items.iter();
    let exports: usize = exports
        .map(|export| export.name.len() + length(export.ty.as_deref()))
        .sum();
    let functions = facts.functions.items.iter();
    let functions: usize = functions
        .map(|function| length(function.name.as_deref()))
        .sum();
    let items = facts.imports.items.len()
        + facts.exports.items.len()
        + facts.functions.items.len()
        + facts.sections.items.len()
        + facts.data_segments.items.len()
        + facts.groups.items.len()
        + facts.metadata.producers.items.len();
    (imports + exports + functions + (items + 1) * ITEM_BYTES) as u64
}

impl Default for PendingFacts {
    fn default() -> Self {
        Self(Cache::with_weighter(ENTRIES, BYTES_MAX, ByMemory))
    }
}

impl PendingFacts {
    /// Adds the facts about a module, such as its imports. If there is no memory for them, they are dropped.
    pub fn insert(&self, hash: ModuleHash, facts: Facts) {
        self.0.insert(hash, Arc::new(facts));
    }

    /// Returns the hashes of the modules that have pending facts.
    pub fn hashes(&self) -> Vec<ModuleHash> {
        self.0.iter().map(|(hash, _)| hash).collect()
    }

    /// Removes and returns the pending facts about a module; `None` if there are none.
    pub fn take(&self, hash: ModuleHash) -> Option<Facts> {
        let (_, facts) = self.0.remove(&hash)?;
        Some(Arc::unwrap_or_clone(facts))
    }
}
