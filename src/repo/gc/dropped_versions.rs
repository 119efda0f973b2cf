//! The versions of modules that a gc removes from the history of a branch.

use std::collections::{HashMap, HashSet};

use gix::bstr::{BStr, ByteSlice};

use crate::names::{ModuleHash, ModulePath};
use crate::repo::tree::entry::TreeEntry;

/// Modules at paths.
#[derive(Clone, Debug, Default)]
pub struct DroppedVersions(HashMap<ModulePath, HashSet<ModuleHash>>);

impl DroppedVersions {
    /// Adds a module at a path.
    pub fn insert(&mut self, path: ModulePath, module: ModuleHash) {
        self.0.entry(path).or_default().insert(module);
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of versions.
    pub fn len(&self) -> usize {
        self.0.values().map(HashSet::len).sum()
    }

    /// Returns the modules, some of them more than once.
    pub fn modules(&self) -> impl Iterator<Item = ModuleHash> {
        self.0.values().flatten().copied()
    }

    /// Returns whether `entry` is one of the modules at `path`.
    pub(crate) fn contains(&self, path: &BStr, entry: Option<&TreeEntry>) -> bool {
        let module = entry.and_then(TreeEntry::module);
        let path = || ModulePath::parse(path.to_str().ok()?).ok();
        module.is_some_and(|module| {
            let modules = path().and_then(|path| self.0.get(&path));
            modules.is_some_and(|modules| modules.contains(&module))
        })
    }
}
