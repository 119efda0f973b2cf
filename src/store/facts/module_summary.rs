//! Summaries of modules: the facts that lists of modules show.

use std::sync::Arc;

use quick_cache::sync::Cache;
use serde::Deserialize;

use super::record::decompress;
use crate::names::ModuleHash;
use crate::repo;
use crate::store::open::Store;
use crate::wasm::{ModuleKind, Requirements};

/// The capacity of the cache, in summaries. A page of a list has a hundred modules.
const SUMMARIES_MAX: usize = 8192;

/// The maximum length of the description in a summary, in characters.
const DESCRIPTION_CHARS_MAX: usize = 300;

/// The facts about a module that a list of modules shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleSummary {
    /// Whether the module is a core module or a component.
    pub kind: ModuleKind,
    /// The size of the module, in bytes.
    pub size_bytes: u64,
    /// The features that the module requires of an engine.
    pub requires: Requirements,
    /// The description in the module's metadata, cut to 300 characters.
    pub description: Option<String>,
}

/// A cache of the summaries of modules, by git blob id. An entry never becomes wrong, because a blob id identifies the bytes.
pub(in crate::store) struct Summaries(Cache<ModuleHash, Arc<ModuleSummary>>);

impl Default for Summaries {
    fn default() -> Self {
        Self(Cache::new(SUMMARIES_MAX))
    }
}

/// The fields of stored facts that a summary needs. The lists in the stored facts are long, and are not decoded.
#[derive(Deserialize)]
struct StoredFacts {
    facts: StoredSummary,
}

#[derive(Deserialize)]
struct StoredSummary {
    kind: ModuleKind,
    size_bytes: u64,
    requires: Requirements,
    metadata: StoredMetadata,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StoredMetadata {
    description: Option<String>,
}

impl Store {
    /// Returns the summary of a module; `None` if the index does not have the facts about the module yet, or the module is not valid.
    pub fn module_summary(&self, hash: ModuleHash) -> Option<Arc<ModuleSummary>> {
        if let Some(summary) = self.summaries.0.get(&hash) {
            return Some(summary);
        }
        let stored = self.with_index(|index| Ok(index.facts(hash)?));
        let stored = stored.inspect_err(|error| {
            tracing::debug!(error = repo::chain(error), "a module has no summary");
        });
        let summary = Arc::new(decode(&stored.ok()??)?);
        self.summaries.0.insert(hash, Arc::clone(&summary));
        Some(summary)
    }
}

/// Decodes the summary from the facts about a module that are stored in the index; `None` if they are damaged.
fn decode(stored: &[u8]) -> Option<ModuleSummary> {
    let StoredFacts { facts } = serde_json::from_slice(&decompress(stored)?).ok()?;
    let description = facts.metadata.description.map(|text| {
        match text.char_indices().nth(DESCRIPTION_CHARS_MAX) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    });
    Some(ModuleSummary {
        kind: facts.kind,
        size_bytes: facts.size_bytes,
        requires: facts.requires,
        description,
    })
}
