//! The facts about a module, as they are stored in the version index.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};

use super::items::{items, words};
use crate::budget::ByteBudget;
use crate::config::ModuleLimits;
use crate::index::FactsEntry;
use crate::names::ModuleHash;
use crate::repo::chain;
use crate::store::error::{Error, Result};
use crate::wasm::{self, Facts, ModuleKind, WitError, WitFacts, WitSource};

/// The maximum size of the compressed facts about a module, in bytes. If the facts are larger, they are stored without the WIT.
const STORED_BYTES_MAX: usize = 1 << 20;

/// The maximum size of the JSON of stored facts, in bytes. Larger JSON is not decoded. [`Facts`] and [`WitFacts`] have their own limits,
/// and are smaller together.
const JSON_BYTES_MAX: u64 = 8 << 20;

/// The facts about a module: its imports, exports, sizes, metadata and WIT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleFacts {
    /// The facts that are read from the sections of the module.
    pub facts: Facts,
    /// The WIT of the module, or why there is none.
    pub wit: WitResult,
}

/// The WIT of a module, or the reason why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WitResult {
    /// The WIT.
    Decoded(WitFacts),
    /// Why the module has no WIT.
    Absent(String),
}

impl WitResult {
    /// Returns the WIT if the module is a component.
    pub(in crate::store) fn of_component(self) -> Option<WitFacts> {
        match self {
            Self::Decoded(wit) if wit.source == WitSource::Component => Some(wit),
            Self::Decoded(_) | Self::Absent(_) => None,
        }
    }
}

impl ModuleFacts {
    /// Adds the WIT to facts that validation collected. Calls `read` for the bytes of the module only if it may have WIT: most core modules
    /// have none.
    ///
    /// # Errors
    /// The error of `read`; [`Error::WitBusy`] if another attempt may succeed.
    pub(in crate::store) fn complete<B: AsRef<[u8]>>(
        facts: Facts,
        read: impl FnOnce() -> Result<B>,
    ) -> Result<Self> {
        let wit = if may_have_wit(&facts) {
            WitFacts::of(read()?.as_ref())
        } else {
            Err(WitError::CoreModule)
        };
        Ok(Self {
            facts,
            wit: lasting_result(wit)?,
        })
    }

    /// Computes the facts about a module of the store.
    ///
    /// # Errors
    /// The bytes are not a module; [`Error::WitBusy`] if another attempt may succeed.
    pub(in crate::store) fn of(
        hash: ModuleHash,
        bytes: &[u8],
        budget: &ByteBudget,
    ) -> Result<Self> {
        // No limits apply: the module was accepted before, maybe under other limits.
        let facts = wasm::facts_of(bytes, &ModuleLimits::unlimited(), budget)
            .map_err(|source| Error::invalid(&hash.to_string(), source))?;
        Self::complete(facts, || Ok(bytes))
    }

    /// Decodes the facts about a module that are stored in the index; `None` if they are damaged.
    pub(in crate::store) fn decode(stored: &[u8]) -> Option<Self> {
        Some(Self::decode_counted(stored)?.0)
    }

    /// Decodes stored facts, and returns also the size of their JSON, in bytes; `None` if they are damaged.
    pub(in crate::store) fn decode_counted(stored: &[u8]) -> Option<(Self, u64)> {
        let json = decompress(stored)?;
        Some((serde_json::from_slice(&json).ok()?, json.len() as u64))
    }
}

/// Decompresses facts that are stored in the index, to JSON; `None` if they are damaged. Everything is decompressed before it is parsed:
/// parsing a slice takes a fraction of the time that parsing a reader takes.
pub(super) fn decompress(stored: &[u8]) -> Option<Vec<u8>> {
    let mut json = Vec::new();
    let mut decoder = ZlibDecoder::new(stored).take(JSON_BYTES_MAX);
    decoder.read_to_end(&mut json).ok()?;
    Some(json)
}

/// An encoder of facts for the index. One encoder is used for many modules, because a new compressor allocates and clears about 300 KiB.
pub(super) struct FactsEncoder {
    json: Vec<u8>,
    compressor: ZlibEncoder<Vec<u8>>,
}

impl FactsEncoder {
    /// Creates an encoder.
    pub(super) fn new() -> Self {
        Self {
            json: Vec::new(),
            compressor: ZlibEncoder::new(Vec::new(), Compression::fast()),
        }
    }

    /// Returns the index entry for a module.
    pub(super) fn entry(&mut self, module: &ModuleFacts) -> FactsEntry {
        let mut facts = self.encode(module);
        if facts.len() > STORED_BYTES_MAX {
            let reason = "its facts do not fit into the index".to_owned();
            facts = self.encode(&ModuleFacts {
                facts: module.facts.clone(),
                wit: WitResult::Absent(reason),
            });
        }
        FactsEntry {
            size_bytes: module.facts.size_bytes,
            facts,
            items: items(module),
            words: words(&module.facts.metadata),
        }
    }

    /// Encodes the facts as JSON, compressed with zlib (RFC 1950). The compressor receives the JSON in one piece, because each call has a
    /// cost.
    fn encode(&mut self, module: &ModuleFacts) -> Vec<u8> {
        self.json.clear();
        serde_json::to_writer(&mut self.json, module)
            .map_err(std::io::Error::other)
            .and_then(|()| self.compressor.write_all(&self.json))
            .and_then(|()| self.compressor.reset(Vec::new()))
            .expect("BUG: the facts are JSON, and memory can be written")
    }
}

/// Returns whether the module may have WIT. A component has WIT, and so has a core module in which a tool has embedded a world.
fn may_have_wit(facts: &Facts) -> bool {
    let mut sections = facts.sections.items.iter();
    let has_world = sections.any(|section| {
        let name = section.name.as_deref().unwrap_or_default();
        name.starts_with("component-type")
    });
    facts.kind == ModuleKind::Component || has_world || facts.sections.is_cut()
}

/// Converts the result of reading the WIT of a module to the type that is stored.
///
/// # Errors
/// [`Error::WitBusy`] if a later attempt may succeed: such a failure must not be stored as the reason.
fn lasting_result(wit: Result<WitFacts, WitError>) -> Result<WitResult> {
    match wit {
        Ok(wit) => Ok(WitResult::Decoded(wit)),
        Err(error @ WitError::NoThread(_)) => Err(Error::WitBusy(error)),
        Err(error) => Ok(WitResult::Absent(chain(&error))),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::store::ErrorKind;

    #[test]
    fn an_encoder_that_is_used_again_encodes_as_a_new_one() {
        let named = |name: &[u8]| {
            let mut bytes = b"\0asm\x01\0\0\0\0".to_vec();
            bytes.push(u8::try_from(name.len() + 1).unwrap());
            bytes.push(u8::try_from(name.len()).unwrap());
            [bytes, name.to_vec()].concat()
        };
        let hash = "da4d0da524e6863ebc3c49ab81fcf1f0cc1d2b08".parse().unwrap();
        let facts =
            |name: &[u8]| ModuleFacts::of(hash, &named(name), &ByteBudget::new(1 << 30)).unwrap();
        let (first, second) = (facts(b"the first"), facts(b"2"));
        let mut encoder = FactsEncoder::new();
        for module in [&first, &second, &first] {
            let entry = encoder.entry(module);
            assert_eq!(entry.facts, FactsEncoder::new().entry(module).facts);
            assert_eq!(ModuleFacts::decode(&entry.facts).as_ref(), Some(module));
        }
    }

    #[test]
    fn a_reason_that_may_not_last_is_not_stored() {
        let busy = WitError::NoThread(io::ErrorKind::WouldBlock.into());
        let error = lasting_result(Err(busy)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Busy);
        let text = "a core module without a component-type section has no WIT";
        assert_eq!(
            lasting_result(Err(WitError::CoreModule)).unwrap(),
            WitResult::Absent(text.to_owned())
        );
    }
}
