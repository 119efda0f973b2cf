//! Computes the effect of putting a module at a path, without changing the store.

use std::io::{self, Read as _};

use super::error::{Error, Result};
use super::operations::StoreOperations;
use crate::config::ModuleLimits;
use crate::names::{Digest, ModuleHash, ModulePath, ModuleRef, TreePath};
use crate::store::{
    self, ErrorKind, ModuleInfo, PathCondition, Revision, SHA1_DIGITS, Validation, Verdict,
    compare_validated, module_hash,
};

/// The effect that putting a module at a path would have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DryRun {
    /// The path at which the module would be put.
    pub path: ModulePath,
    /// The hash that the module would have in the store.
    pub hash: ModuleHash,
    /// The SHA-256 digest of the module.
    pub digest: Digest,
    /// The description of the module, such as its imports and exports.
    pub info: ModuleInfo,
    /// The effect on the path.
    pub effect: PutEffect,
}

/// The effect that putting a module has on its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutEffect {
    /// The path has no module now.
    Added,
    /// The path has a module with the same bytes.
    Unchanged,
    /// The path has another module.
    Updated {
        /// The hash of the module that is at the path now.
        old: ModuleHash,
        /// Whether the new module can replace the old one without breaking its users.
        verdict: Verdict,
    },
}

/// Validates a module, and compares it with the module that is at the path now. `name` identifies `bytes` in error texts. Only reads from
/// the store, so an API key that allows GET is enough.
///
/// # Errors
/// The module is invalid; `condition` does not hold now; [`StoreOperations::put`] would fail because of the modules that are on the branch
/// now.
pub fn dry_run(
    store: &dyn StoreOperations,
    revision: &Revision,
    path: &ModulePath,
    (name, bytes): (&str, &[u8]),
    condition: Option<PathCondition>,
) -> Result<DryRun> {
    let info = validated(name, bytes)?;
    let tip = match store.snapshot(revision) {
        Ok(tip) => Some(tip),
        // `NoCommit` means that the branch exists, but has no commit yet.
        Err(Error::Store(store::Error::NoCommit(_))) => None,
        Err(error) => return Err(error),
    };
    let old = current(store, revision, path)?;
    if old.is_none() {
        check_free(store, revision, path)?;
    }
    let old_hash = old.as_ref().map(|(hash, _)| *hash);
    // SHA-1 is assumed if the store has no commit that would show its object format.
    let digits = tip.map_or(SHA1_DIGITS, |tip| tip.to_string().len());
    let hash = module_hash(bytes, digits);
    check_condition(condition, path, old_hash, hash)?;
    let effect = match old {
        None => PutEffect::Added,
        Some((old, _)) if old == hash => PutEffect::Unchanged,
        Some((old, old_bytes)) => {
            let diff = compare_validated((&path.to_string(), &old_bytes), (name, bytes))?;
            PutEffect::Updated {
                old,
                verdict: diff.verdict,
            }
        }
    };
    Ok(DryRun {
        path: path.clone(),
        hash,
        digest: Digest::from_bytes(info.sha256),
        info,
        effect,
    })
}

fn validated(name: &str, bytes: &[u8]) -> Result<ModuleInfo> {
    let mut validation = Validation::new(&ModuleLimits::default());
    let validated = validation.write(bytes).and_then(|()| validation.finish());
    Ok(validated.map_err(|source| store::Error::invalid(name, source))?)
}

fn current(
    store: &dyn StoreOperations,
    revision: &Revision,
    path: &ModulePath,
) -> Result<Option<(ModuleHash, Vec<u8>)>> {
    let name = ModuleRef::Path(path.clone());
    if !store.contains(revision, &name)? {
        return Ok(None);
    }
    let mut module = store.find(revision, &name)?;
    let mut bytes = Vec::new();
    match module.read_to_end(&mut bytes) {
        Ok(_) => Ok(Some((module.hash, bytes))),
        Err(error) => Err(read_error(path, error)),
    }
}

fn read_error(path: &ModulePath, error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => {
            let source = store::ModuleError::Read(error);
            store::Error::invalid(&path.to_string(), source).into()
        }
    }
}

/// Returns an error if the path is a directory, or if a parent directory of the path is a module.
fn check_free(store: &dyn StoreOperations, revision: &Revision, path: &ModulePath) -> Result<()> {
    if has_modules(store, revision, path.as_tree_path())? {
        return Err(
            store::Error::path_taken(path.to_string(), path.to_string(), "a directory").into(),
        );
    }
    check_parents(store, revision, path.as_tree_path())
}

/// Returns whether the path is a directory with modules.
pub(super) fn has_modules(
    store: &dyn StoreOperations,
    revision: &Revision,
    path: &TreePath,
) -> Result<bool> {
    match store.list_first(revision, path, 1) {
        Ok((inner, _)) => Ok(!inner.is_empty()),
        Err(error) if error.kind() == Some(ErrorKind::NotFound) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns an error if a parent directory of the path is a module.
pub(super) fn check_parents(
    store: &dyn StoreOperations,
    revision: &Revision,
    path: &TreePath,
) -> Result<()> {
    let segments: Vec<_> = path.segments().collect();
    for count in 1..segments.len() {
        let parent = TreePath::parse(&segments[..count].join("/"));
        let Ok(parent) = parent.and_then(ModulePath::try_from) else {
            continue;
        };
        if store.contains(revision, &ModuleRef::Path(parent.clone()))? {
            let (path, parent) = (path.to_string(), parent.to_string());
            return Err(store::Error::path_taken(path, parent, "a module").into());
        }
    }
    Ok(())
}

fn check_condition(
    condition: Option<PathCondition>,
    path: &ModulePath,
    current: Option<ModuleHash>,
    hash: ModuleHash,
) -> Result<()> {
    let holds = match condition {
        None => true,
        Some(PathCondition::Absent) => current.is_none_or(|current| current == hash),
        Some(PathCondition::Module(expected)) => current == Some(expected),
    };
    if holds {
        return Ok(());
    }
    let current = match current {
        Some(current) => format!("the current value at {path} is {current}"),
        None => format!("nothing exists at {path}"),
    };
    Err(store::Error::PreconditionFailed { current }.into())
}
