//! The versions of modules that gc removes from the history of a branch.

use std::collections::{HashMap, HashSet};

use gix::bstr::{BStr, ByteSlice};

use crate::names::{ModuleHash, ModulePath};
use crate::repo::tree::entry::TreeEntry;

/// A set of versions, each a path and the hash of a module.
#[derive(Clone, Debug, Default)]
pub struct DroppedVersions(HashMap<ModulePath, HashSet<ModuleHash>>);

impl DroppedVersions {
    /// Adds the module `module` at the path `path`.
    pub fn insert(&mut self, path: ModulePath, module: ModuleHash) {
        self.0.entry(path).or_default().insert(module);
    }

    /// Returns whether there are no versions.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of versions.
    pub fn len(&self) -> usize {
        self.0.values().map(HashSet::len).sum()
    }

    /// Returns the modules of all versions. A module that is dropped at several paths is returned several times.
    pub fn modules(&self) -> impl Iterator<Item = ModuleHash> {
        self.0.values().flatten().copied()
    }

    /// Returns whether `entry` is a module that is dropped at `path`.
    pub(crate) fn contains(&self, path: &BStr, entry: Option<&TreeEntry>) -> bool {
        let module = entry.and_then(TreeEntry::module);
        let path = || ModulePath::parse(path.to_str().ok()?).ok();
        module.is_some_and(|module| {
            let modules = path().and_then(|path| self.0.get(&path));
            modules.is_some_and(|modules| modules.contains(&module))
        })
    }
}
