//! Finds the modules that a removal would remove, without changing the store.

use std::collections::BTreeMap;

use super::error::{Error, Result};
use super::operations::StoreOperations;
use crate::names::{ModuleHash, ModulePath, ModulePattern, ModuleRef, TreePath};
use crate::store::{self, DirectoryRemoval, ErrorKind, Revision, select_by_glob};

/// Returns the modules that [`StoreOperations::remove_selected`] would remove from the tree of `revision`, sorted by path. Only reads from
/// the store, so an API key that allows GET is enough.
///
/// # Errors
/// Those of `remove_selected`.
pub fn preview_removal(
    store: &dyn StoreOperations,
    revision: &Revision,
    patterns: &[ModulePattern],
    directories: DirectoryRemoval,
) -> Result<Vec<(ModulePath, ModuleHash)>> {
    let revision = &store.pin(revision)?;
    let mut removed = BTreeMap::new();
    for pattern in patterns {
        let glob = || {
            let glob = pattern.glob();
            let no_match = || store::Error::NoMatch(pattern.to_string());
            let glob = glob.ok_or_else(no_match)?;
            let modules = store.list(revision, &glob.directory())?;
            Ok::<_, Error>(select_by_glob(&modules, glob, directories)?)
        };
        removed.extend(match pattern.name() {
            Some(ModuleRef::Path(path)) => match at_path(store, revision, path, directories) {
                Err(error) if is_missing(&error) && pattern.glob().is_some() => glob()?,
                found => found?,
            },
            Some(name) => {
                let hash = store.hash(revision, name)?;
                let mut modules = store.list(revision, &TreePath::root())?;
                modules.retain(|(_, listed)| *listed == hash);
                modules
            }
            None => glob()?,
        });
    }
    Ok(removed.into_iter().collect())
}

/// Returns the module at a path, or all modules in the directory there.
fn at_path(
    store: &dyn StoreOperations,
    revision: &Revision,
    path: &ModulePath,
    directories: DirectoryRemoval,
) -> Result<Vec<(ModulePath, ModuleHash)>> {
    let missing = match store.hash(revision, &ModuleRef::Path(path.clone())) {
        Ok(hash) => return Ok(vec![(path.clone(), hash)]),
        Err(error) if is_missing(&error) => error,
        Err(error) => return Err(error),
    };
    let modules = store.list(revision, path.as_tree_path())?;
    match directories {
        _ if modules.is_empty() => Err(missing),
        DirectoryRemoval::Recursive => Ok(modules),
        DirectoryRemoval::Refuse => Err(store::Error::DirectoryNotRemoved(path.to_string()).into()),
    }
}

fn is_missing(error: &Error) -> bool {
    match error {
        Error::Store(error) => error.kind() == ErrorKind::NotFound,
        Error::Refused(response) => response.kind() == ErrorKind::NotFound,
        _ => false,
    }
}
