//! Finds the modules that a removal would remove, without changing the store.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::error::{Error, Result};
use super::operations::StoreOperations;
use crate::names::{ModuleHash, ModulePath, ModulePattern, ModuleRef, TreePath};
use crate::store::{self, DirectoryRemoval, ErrorKind, Revision, select_by_glob};

/// Returns the modules that [`StoreOperations::remove_selected`] would remove from the tree of `revision`, sorted by path. Only reads from
/// the store, so an API key that allows GET is enough.
///
/// # Errors
/// The errors of `remove_selected`.
pub fn preview_removal(
    store: &dyn StoreOperations,
    revision: &Revision,
    patterns: &[ModulePattern],
    directories: DirectoryRemoval,
) -> Result<Vec<(ModulePath, ModuleHash)>> {
    let mut tree = ListedTree {
        store,
        revision: store.pin(revision)?,
        directories: BTreeMap::new(),
    };
    let mut removed = BTreeMap::new();
    for pattern in patterns {
        removed.extend(match pattern.name() {
            Some(ModuleRef::Path(path)) => match tree.at_path(path, directories) {
                Err(error) if is_missing(&error) && pattern.glob().is_some() => {
                    tree.by_glob(pattern, directories)?
                }
                found => found?,
            },
            Some(name) => tree.with_hash(name)?,
            None => tree.by_glob(pattern, directories)?,
        });
    }
    Ok(removed.into_iter().collect())
}

/// A tree of the store. Lists each directory only once, because listing one may take a request to a server.
struct ListedTree<'s> {
    store: &'s dyn StoreOperations,
    revision: Revision,
    directories: BTreeMap<TreePath, Modules>,
}

type Modules = Vec<(ModulePath, ModuleHash)>;

impl ListedTree<'_> {
    fn list(&mut self, directory: TreePath) -> Result<&Modules> {
        match self.directories.entry(directory) {
            Entry::Occupied(listed) => Ok(listed.into_mut()),
            Entry::Vacant(missing) => {
                let modules = self.store.list(&self.revision, missing.key())?;
                Ok(missing.insert(modules))
            }
        }
    }

    fn by_glob(
        &mut self,
        pattern: &ModulePattern,
        directories: DirectoryRemoval,
    ) -> Result<Modules> {
        let no_match = || store::Error::NoMatch(pattern.to_string());
        let glob = pattern.glob().ok_or_else(no_match)?;
        let modules = self.list(glob.directory())?;
        Ok(select_by_glob(modules, glob, directories)?)
    }

    /// Returns every path that has the module with this hash or digest.
    fn with_hash(&mut self, name: &ModuleRef) -> Result<Modules> {
        let hash = self.store.hash(&self.revision, name)?;
        let modules = self.list(TreePath::root())?.iter();
        Ok(modules
            .filter(|(_, listed)| *listed == hash)
            .cloned()
            .collect())
    }

    /// Returns the module at a path, or all modules in the directory there.
    fn at_path(&mut self, path: &ModulePath, directories: DirectoryRemoval) -> Result<Modules> {
        let missing = match self
            .store
            .hash(&self.revision, &ModuleRef::Path(path.clone()))
        {
            Ok(hash) => return Ok(vec![(path.clone(), hash)]),
            Err(error) if is_missing(&error) => error,
            Err(error) => return Err(error),
        };
        let modules = self.list(path.as_tree_path().clone())?;
        match directories {
            _ if modules.is_empty() => Err(missing),
            DirectoryRemoval::Recursive => Ok(modules.clone()),
            DirectoryRemoval::Refuse => {
                Err(store::Error::DirectoryNotRemoved(path.to_string()).into())
            }
        }
    }
}

fn is_missing(error: &Error) -> bool {
    error.kind() == Some(ErrorKind::NotFound)
}
