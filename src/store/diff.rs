//! Compares trees and modules.

use std::ops::ControlFlow;

use super::error::{Error, Result};
use super::open::Store;
use super::revision::Revision;
use crate::names::{ModuleHash, TreePath};
use crate::repo::{Commit, PathChange, TreeId};
use crate::wasm::{Comparison, Interface};

/// The result of comparing the two modules of an updated path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModuleComparison {
    /// Both are valid modules, with these differences.
    Compared(Comparison),
    /// One of them is not a valid module; the reason.
    NotComparable(String),
}

impl Store {
    /// Calls `visit` for every module at or below `path` that differs between the trees of two revisions, sorted by path, until
    /// `visit` returns `Break`.
    ///
    /// # Errors
    /// Unknown branch or commit; `path` exists in neither tree.
    pub fn diff(
        &self,
        old: &Revision,
        new: &Revision,
        path: &TreePath,
        visit: impl FnMut(PathChange) -> ControlFlow<()>,
    ) -> Result<()> {
        let tree_of = |revision| self.read(revision, |resolved| Ok(resolved.tree));
        let (old, new) = (tree_of(old)?, tree_of(new)?);
        let has_path = |tree: Option<TreeId>| match tree {
            Some(tree) => Ok(self.repo.objects().node(tree, path)?.is_some()),
            None => Ok::<_, Error>(false),
        };
        if !path.is_root() && !has_path(old)? && !has_path(new)? {
            return Err(Error::NoModule(path.to_string()));
        }
        self.repo.objects().walk_changes(old, new, path, visit)?;
        Ok(())
    }

    /// Calls `visit` for every module that differs between a commit and its first parent, sorted by path, until `visit` returns
    /// `Break`.
    pub fn changes(
        &self,
        commit: &Commit,
        visit: impl FnMut(PathChange) -> ControlFlow<()>,
    ) -> Result<()> {
        let parent_tree = match commit.parents.first() {
            Some(parent) => Some(self.repo.objects().linked_commit(*parent)?.tree),
            None => None,
        };
        let root = TreePath::root();
        self.repo
            .objects()
            .walk_changes(parent_tree, Some(commit.tree), &root, visit)?;
        Ok(())
    }

    /// Compares two modules of this store.
    ///
    /// # Errors
    /// One of them is not a valid module.
    pub fn compare(&self, old: ModuleHash, new: ModuleHash) -> Result<Comparison> {
        compare(old, new, |hash| self.bytes(hash))
    }
}

/// Compares two modules whose bytes `bytes` returns.
///
/// # Errors
/// One of them is not a valid module; errors of `bytes`.
pub fn compare<B: AsRef<[u8]>, E: From<Error>>(
    old: ModuleHash,
    new: ModuleHash,
    mut bytes: impl FnMut(ModuleHash) -> Result<B, E>,
) -> Result<Comparison, E> {
    let mut interface = |hash: ModuleHash| {
        let interface = Interface::of(bytes(hash)?.as_ref());
        interface.map_err(|source| E::from(Error::invalid(&hash.to_string(), source)))
    };
    Ok(Comparison::of(&interface(old)?, &interface(new)?))
}
