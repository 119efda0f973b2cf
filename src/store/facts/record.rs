//! The facts about a module as they are stored in the index.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};

use super::items::{items, words};
use crate::budget::ByteBudget;
use crate::config::ModuleLimits;
use crate::index::FactsEntry;
use crate::wasm::{self, Facts, ModuleKind, WitError, WitFacts};

/// The maximum size of stored facts, in bytes. Facts that do not fit are stored without WIT.
const STORED_BYTES_MAX: usize = 1 << 20;

/// The maximum size of the JSON of stored facts, in bytes. A larger text is not decoded. Those of [`Facts`] and [`WitFacts`] together are
/// smaller.
const JSON_BYTES_MAX: u64 = 8 << 20;

/// The facts about a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleFacts {
    /// What the sections of the module say.
    pub facts: Facts,
    /// The WIT of the module.
    pub wit: WitResult,
}

/// The WIT of a module, or the reason why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WitResult {
    /// The WIT.
    Decoded(WitFacts),
    /// The reason why the module has no WIT.
    Absent(String),
}

impl ModuleFacts {
    /// Completes facts that validation collected: reads the WIT from the bytes of the module, which `read` returns. Most core modules have
    /// none, and are not read.
    ///
    /// # Errors
    /// The error of `read`.
    pub(super) fn complete<B: AsRef<[u8]>, E>(
        facts: Facts,
        read: impl FnOnce() -> Result<B, E>,
    ) -> Result<Self, E> {
        let wit = if may_have_wit(&facts) {
            WitFacts::of(read()?.as_ref())
        } else {
            Err(WitError::CoreModule)
        };
        let wit = match wit {
            Ok(wit) => WitResult::Decoded(wit),
            Err(error) => WitResult::Absent(crate::repo::chain(&error)),
        };
        Ok(Self { facts, wit })
    }

    /// Computes the facts about a module that was validated before.
    ///
    /// # Errors
    /// The bytes are not a module.
    pub(in crate::store) fn of(bytes: &[u8], budget: &ByteBudget) -> Result<Self, wasm::Error> {
        // The module was accepted, perhaps with other limits.
        let facts = wasm::facts_of(bytes, &ModuleLimits::none(), budget)?;
        Self::complete(facts, || Ok(bytes))
    }

    /// Returns the entry for the index.
    pub(super) fn to_entry(&self) -> FactsEntry {
        let mut facts = self.encode();
        if facts.len() > STORED_BYTES_MAX {
            let reason = "its facts do not fit into the index".to_owned();
            facts = Self {
                facts: self.facts.clone(),
                wit: WitResult::Absent(reason),
            }
            .encode();
        }
        FactsEntry {
            size_bytes: self.facts.size_bytes,
            facts,
            items: items(self),
            words: words(&self.facts.metadata),
        }
    }

    /// Encodes the facts as compressed JSON (RFC 1950).
    fn encode(&self) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        serde_json::to_writer(&mut encoder, self)
            .map_err(std::io::Error::other)
            .and_then(|()| encoder.flush())
            .and_then(|()| encoder.finish())
            .expect("BUG: the facts are JSON, and memory can be written")
    }

    /// Decodes stored facts; `None` if they are damaged.
    pub(in crate::store) fn decode(stored: &[u8]) -> Option<Self> {
        let decoder = ZlibDecoder::new(stored).take(JSON_BYTES_MAX);
        serde_json::from_reader(std::io::BufReader::new(decoder)).ok()
    }
}

/// Returns whether the module may have WIT: components do, and core modules in which tools have embedded a world.
fn may_have_wit(facts: &Facts) -> bool {
    let mut sections = facts.sections.items.iter();
    let has_world = sections.any(|section| {
        let name = section.name.as_deref().unwrap_or_default();
        name.starts_with("component-type")
    });
    facts.kind == ModuleKind::Component || has_world || facts.sections.is_cut()
}
