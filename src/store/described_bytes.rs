//! Describes a module that is in no store, such as a file on disk.

use super::error::{Error, Result};
use super::facts::{ModuleFacts, WitResult};
use super::find::ModuleDetails;
use super::wit::marked_text;
use crate::budget::ByteBudget;
use crate::config::ModuleLimits;
use crate::names::{Digest, ModuleHash};
use crate::repo::BlobHasher;
use crate::wasm;

/// A module in memory, and what is known about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedBytes {
    /// The description of the module. Its hash is the one in a store with SHA-1 object ids.
    pub details: ModuleDetails,
    /// The facts about the module.
    pub facts: ModuleFacts,
}

impl DescribedBytes {
    /// Validates a module, and describes it. `name` identifies the module in errors.
    ///
    /// # Errors
    /// The bytes are not a valid module.
    pub fn of(name: &str, bytes: &[u8]) -> Result<Self> {
        let invalid = |source| Error::invalid(name, source);
        let limits = ModuleLimits::default();
        wasm::validate(bytes, &limits).map_err(invalid)?;
        let budget = ByteBudget::default();
        let facts = wasm::facts_of(bytes, &limits, &budget).map_err(invalid)?;
        let facts = ModuleFacts::complete(facts, || Ok(bytes))?;
        let details = ModuleDetails {
            hash: sha1_hash(bytes),
            digest: Digest::from_bytes(wasm::sha256(bytes)),
            module: wasm::inspect(bytes).map_err(invalid)?,
            skipped: 0,
            facts: Some(facts.facts.clone()),
            wit: facts.wit.clone().of_component(),
        };
        Ok(Self { details, facts })
    }

    /// Returns the WIT of the module, as [`Store::wit`](super::open::Store::wit) does. `name` identifies the module in errors.
    ///
    /// # Errors
    /// The module has no WIT.
    pub fn wit(self, name: &str) -> Result<String> {
        match self.facts.wit {
            WitResult::Decoded(wit) => Ok(marked_text(wit)),
            WitResult::Absent(reason) => Err(Error::NoWit {
                name: name.to_owned(),
                reason,
            }),
        }
    }
}

/// Returns the git blob id of the bytes, of a store with SHA-1 object ids.
fn sha1_hash(bytes: &[u8]) -> ModuleHash {
    let zeros = ModuleHash::parse(&"0".repeat(40)).expect("BUG: an id has 40 digits");
    let mut hasher = BlobHasher::new(bytes.len() as u64, zeros);
    hasher.update(bytes);
    // `finish` returns `None` for bytes of a SHA-1 collision attack, which no store accepts.
    hasher.finish().unwrap_or(zeros)
}
