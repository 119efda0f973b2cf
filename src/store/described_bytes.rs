//! Describes a module that is in no store, such as a file on disk.

use super::error::{Error, Result};
use super::facts::{ModuleFacts, WitResult};
use super::find::ModuleDetails;
use super::wit::marked_text;
use crate::budget::ByteBudget;
use crate::config::ModuleLimits;
use crate::names::{Digest, ModuleHash};
use crate::repo::BlobHasher;
use crate::wasm::{self, Validation};

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
        let (limits, budget) = (ModuleLimits::default(), ByteBudget::default());
        let mut validation = Validation::with_facts(&limits, &budget);
        let validated = validation.write(bytes);
        let validated = validated.and_then(|()| validation.finish_with_facts());
        let (module, facts) = validated.map_err(invalid)?;
        let facts = facts.ok_or(wasm::Error::Panicked).map_err(invalid)?;
        let facts = ModuleFacts::complete(facts, || Ok(bytes))?;
        let details = ModuleDetails {
            hash: module_hash(bytes, SHA1_DIGITS),
            digest: Digest::from_bytes(module.sha256),
            module,
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

/// The number of hexadecimal digits of a SHA-1 id.
pub const SHA1_DIGITS: usize = 40;

/// Returns the hash, which is the git blob id, that a module has in a store whose ids have this number of hexadecimal digits.
pub fn module_hash(bytes: &[u8], digits: usize) -> ModuleHash {
    let like = ModuleHash::parse(&"0".repeat(digits)).expect("BUG: an id has 40 or 64 digits");
    let mut hasher = BlobHasher::new(bytes.len() as u64, like);
    hasher.update(bytes);
    // `finish` returns `None` if it detects bytes of a SHA-1 collision attack. Every store rejects such a module.
    hasher.finish().unwrap_or(like)
}
