//! A cache of valid modules, so that no blob is validated twice.

use quick_cache::sync::Cache;

use super::error::{Error, Result};
use super::open::Store;
use crate::config::ModuleLimits;
use crate::names::ModuleHash;
use crate::wasm;

/// The capacity of the cache, in modules. An entry takes about 60 bytes.
const MODULES_MAX: usize = 1 << 17;

/// The modules that this process has found valid. Entries never become stale, because a hash identifies the bytes.
pub(super) struct ValidModules(Cache<ModuleHash, ()>);

impl Default for ValidModules {
    fn default() -> Self {
        Self(Cache::new(MODULES_MAX))
    }
}

impl ValidModules {
    /// Records that a module is valid.
    pub fn insert(&self, hash: ModuleHash) {
        self.0.insert(hash, ());
    }

    fn contains(&self, hash: ModuleHash) -> bool {
        self.0.get(&hash).is_some()
    }
}

impl Store {
    /// Checks that a blob of the object store is a valid module. Skips the validation if the module is recorded as valid. `name` identifies
    /// the module in errors.
    ///
    /// No limits apply to a module that some commit has, because it was accepted before, maybe under other limits. The current limits apply
    /// to any other blob: it may have arrived with a push that did not use it in a commit.
    ///
    /// # Errors
    /// The bytes are not a valid module; `Busy` if there is not enough memory to validate them.
    pub(super) fn check_bytes(&self, name: &str, hash: ModuleHash, bytes: &[u8]) -> Result<()> {
        if self.valid_modules.contains(hash) {
            return Ok(());
        }
        let (is_valid, is_accepted) = self.remembered(hash).unwrap_or_default();
        if !is_valid {
            let limits = if is_accepted {
                ModuleLimits::unlimited()
            } else {
                self.options.modules
            };
            let validated = wasm::validate_within(bytes, &limits, &self.budget);
            validated.map_err(|source| Error::invalid(name, source))?;
        }
        self.valid_modules.insert(hash);
        Ok(())
    }

    /// Checks that a blob of the object store is a valid module, like [`check_bytes`](Self::check_bytes). Reads the blob only if it is not
    /// recorded as valid in this process, and charges its bytes to the memory budget during the check.
    ///
    /// # Errors
    /// The bytes are not a valid module, or do not exist; `Busy` if there is no memory for them.
    pub(super) fn check_module(&self, name: &str, hash: ModuleHash) -> Result<()> {
        if self.valid_modules.contains(hash) {
            return Ok(());
        }
        let size_bytes = self.repo.objects().blob_size_bytes(hash)?;
        let size_bytes = size_bytes.unwrap_or_default().min(self.budget.largest());
        let memory = self.budget.try_charge(size_bytes);
        let _memory = memory.map_err(|_| Error::invalid(name, wasm::Error::OutOfMemory))?;
        self.check_bytes(name, hash, &self.bytes(hash)?)
    }

    /// Returns whether the index has recorded a module as valid, and whether some commit has the module.
    fn remembered(&self, hash: ModuleHash) -> Result<(bool, bool)> {
        self.catch_up_all()?;
        self.with_index(|index| Ok((index.is_valid(hash)?, index.has_module(hash)?)))
    }
}
