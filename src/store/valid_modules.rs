//! Remembers which modules are valid, so that no blob is validated twice.

use quick_cache::sync::Cache;

use super::error::{Error, Result};
use super::open::Store;
use crate::config::ModuleLimits;
use crate::names::ModuleHash;
use crate::wasm;

/// The capacity of the cache; one entry takes about 60 bytes.
const MODULES_MAX: usize = 1 << 17;

/// The modules that this process found valid. Entries never become stale, because a hash identifies its content.
pub(super) struct ValidModules(Cache<ModuleHash, ()>);

impl Default for ValidModules {
    fn default() -> Self {
        Self(Cache::new(MODULES_MAX))
    }
}

impl ValidModules {
    /// Remembers a module that was validated.
    pub fn insert(&self, hash: ModuleHash) {
        self.0.insert(hash, ());
    }

    fn contains(&self, hash: ModuleHash) -> bool {
        self.0.get(&hash).is_some()
    }
}

impl Store {
    /// Returns whether a blob of the object store is a valid module. Validates it if no verdict is remembered.
    ///
    /// No limits apply to a module that some commit has, because it was accepted before, perhaps with other limits. The current limits
    /// apply to any other blob: it may have arrived with a push that did not use it in a commit.
    pub(super) fn is_valid_module(&self, hash: ModuleHash, bytes: &[u8]) -> bool {
        if self.valid_modules.contains(hash) {
            return true;
        }
        let (is_valid, is_accepted) = self.remembered(hash).unwrap_or_default();
        let limits = if is_accepted {
            ModuleLimits::none()
        } else {
            self.options.modules
        };
        let is_valid = is_valid || wasm::validate(bytes, &limits).is_ok();
        if is_valid {
            self.valid_modules.insert(hash);
        }
        is_valid
    }

    /// Checks a blob of the object store as a module, unless its verdict is remembered. `name` identifies it in errors.
    ///
    /// # Errors
    /// The bytes are not a valid module.
    pub(super) fn check_module(&self, name: &str, hash: ModuleHash) -> Result<()> {
        let bytes = self.bytes(hash)?;
        if self.is_valid_module(hash, &bytes) {
            return Ok(());
        }
        let validated = wasm::validate(&bytes[..], &self.options.modules);
        validated.map_or_else(|source| Err(Error::invalid(name, source)), |_| Ok(()))
    }

    /// Returns whether the index remembers that a module is valid, and whether some commit has it.
    fn remembered(&self, hash: ModuleHash) -> Result<(bool, bool)> {
        self.catch_up_all()?;
        self.with_index(|index| Ok((index.is_valid(hash)?, index.has_module(hash)?)))
    }
}
