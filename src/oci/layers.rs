//! Finds out which layers of the manifests of a repository are modules of the store.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::branches::BranchModules;
use super::error::Result;
use super::records::Records;
use crate::names::{ModuleHash, ModulePath, OciDigest, OciTag, RepositoryName};

/// The layers that the manifests of a repository name, and the modules that the repository has on all branches together.
pub(super) struct Layers<'r, 'v> {
    repository: &'r RepositoryName,
    records: &'r BTreeMap<ModulePath, ModuleHash>,
    branches: &'r [BranchModules<'v>],
    modules: HashSet<ModuleHash>,
    /// The modules by digest. They are computed only if a client has deleted the record of a layer.
    by_digest: OnceCell<HashMap<OciDigest, ModuleHash>>,
}

impl<'r, 'v> Layers<'r, 'v> {
    pub fn new(
        repository: &'r RepositoryName,
        records: &'r BTreeMap<ModulePath, ModuleHash>,
        branches: &'r [BranchModules<'v>],
    ) -> Self {
        let modules = branches.iter().flat_map(BranchModules::hashes);
        Self {
            repository,
            records,
            branches,
            modules: modules.collect(),
            by_digest: OnceCell::new(),
        }
    }

    /// Returns the git blob of a layer; `None` if the layer has no record and is not a module of the repository.
    pub fn hash(&self, layer: &OciDigest) -> Result<Option<ModuleHash>> {
        let path = Records(self.repository).blob(layer);
        if let Some(hash) = self.records.get(&path) {
            return Ok(Some(*hash));
        }
        if self.by_digest.get().is_none() {
            let mut modules = HashMap::new();
            for branch in self.branches {
                for hash in branch.hashes() {
                    modules.insert(branch.view().digest(hash)?.into(), hash);
                }
            }
            let _ = self.by_digest.set(modules);
        }
        let modules = self.by_digest.get();
        Ok(modules.and_then(|modules| modules.get(layer)).copied())
    }

    /// Returns whether a layer is a module that the repository has on at least one branch.
    pub fn is_module(&self, layer: &OciDigest) -> Result<bool> {
        let hash = self.hash(layer)?;
        Ok(hash.is_some_and(|hash| self.modules.contains(&hash)))
    }
}

/// The state of a tag that was pushed with a module.
pub(super) enum TagState {
    /// A client that pulls the tag gets the pushed manifest.
    Served,
    /// Another client has moved the tag to another module.
    Moved,
    /// No branch has a module for the tag.
    Removed,
}

/// Returns the state of a tag that was pushed with a manifest whose only layer is the git blob `layer`.
pub(super) fn tag_state(
    branches: &[BranchModules<'_>],
    tag: &OciTag,
    layer: Option<ModuleHash>,
) -> TagState {
    let mut state = TagState::Removed;
    for module in branches.iter().filter_map(|branch| branch.module(tag)) {
        if Some(module) == layer {
            return TagState::Served;
        }
        state = TagState::Moved;
    }
    state
}
