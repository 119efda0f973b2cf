//! Compares two modules, which may be from different branches and versions.

use std::ops::ControlFlow;

use super::diff::{ModuleComparison, ModuleDiff, compare, compare_bytes};
use super::error::{Error, Result};
use super::open::Store;
use super::revision::Revision;
use crate::config::ModuleLimits;
use crate::names::{HashRef, ModuleHash, ModuleRef};
use crate::wasm;

/// The result of comparing two modules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedModules {
    /// The hash of the older module.
    pub old: ModuleHash,
    /// The hash of the newer module.
    pub new: ModuleHash,
    /// The differences between the two modules.
    pub comparison: ModuleComparison,
}

impl Store {
    /// Returns the hash of a module to compare. Looks up a path in the tree at `revision`, and a hash or digest in the history of all
    /// branches: the older of two versions is often in no current tree.
    ///
    /// # Errors
    /// There is no module with this path, hash or digest.
    pub fn hash_in_history(&self, revision: &Revision, name: &ModuleRef) -> Result<ModuleHash> {
        match (self.hash(revision, name), name) {
            (Err(Error::NoModule(_) | Error::NotCurrent { .. }), ModuleRef::Hash(hash)) => {
                let found = self.once_at_a_path(hash)?;
                found.ok_or_else(|| Error::NoModule(name.to_string()))
            }
            (found, _) => found,
        }
    }

    /// Compares two modules whose hashes [`hash_in_history`](Self::hash_in_history) returned.
    ///
    /// # Errors
    /// A module cannot be read.
    pub fn compare_hashes(&self, old: ModuleHash, new: ModuleHash) -> Result<ComparedModules> {
        let diff = compare(old, new, |hash| self.bytes(hash));
        let comparison = ModuleComparison::of(diff)?;
        Ok(ComparedModules {
            old,
            new,
            comparison,
        })
    }

    /// Returns the hash of a module that is named by its hash or digest, if the object store has the blob and some commit of a branch had
    /// it at a path. A blob without a path is not a module: it may be a record of the OCI registry.
    fn once_at_a_path(&self, requested: &HashRef) -> Result<Option<ModuleHash>> {
        if self.repo.is_absent() {
            return Ok(None);
        }
        let find = || {
            self.first_present(requested, |hash| {
                let visit = |_| ControlFlow::Break(());
                let path = self.with_index(|index| Ok(index.paths_of(hash, visit)?))?;
                Ok(path.is_some() && self.repo.objects().blob_size_bytes(hash)?.is_some())
            })
        };
        if let Some(found) = find()? {
            return Ok(Some(found));
        }
        self.catch_up_all()?;
        find()
    }
}

/// Validates two modules in memory, and compares them. Each is a pair: a name that identifies the module in errors, and its bytes.
///
/// # Errors
/// One of them is not a valid module.
pub fn compare_validated(old: (&str, &[u8]), new: (&str, &[u8])) -> Result<ModuleDiff> {
    for (name, bytes) in [old, new] {
        wasm::validate(bytes, &ModuleLimits::default())
            .map_err(|source| Error::invalid(name, source))?;
    }
    compare_bytes(old, new)
}
