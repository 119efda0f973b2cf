//! What changed from one commit to another.

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
    /// Both are modules; they differ in this.
    Compared(Comparison),
    /// One of them is not a valid module, for this reason.
    NotComparable(String),
}

impl Store {
    /// Calls `visit` for every module at or below `path` that differs between two trees, sorted by path, until it breaks.
    ///
    /// # Errors
    /// Unknown branch or commit; neither of them has anything at `path`.
    pub fn diff(
        &self,
        old: &Revision,
        new: &Revision,
        path: &TreePath,
        visit: impl FnMut(PathChange) -> ControlFlow<()>,
    ) -> Result<()> {
        let tree = |at| self.read(at, |view| Ok(view.tree));
        let (old, new) = (tree(old)?, tree(new)?);
        let is_there = |tree: Option<TreeId>| match tree {
            Some(tree) => Ok(self.repo.objects().node(tree, path)?.is_some()),
            None => Ok::<_, Error>(false),
        };
        if !path.is_root() && !is_there(old)? && !is_there(new)? {
            return Err(Error::NoModule(path.to_string()));
        }
        self.repo.objects().walk_changes(old, new, path, visit)?;
        Ok(())
    }

    /// Calls `visit` for every module that a commit changed, compared with its first parent, sorted by path, until it breaks.
    pub fn changes(
        &self,
        commit: &Commit,
        visit: impl FnMut(PathChange) -> ControlFlow<()>,
    ) -> Result<()> {
        let before = match commit.parents.first() {
            Some(parent) => Some(self.repo.objects().linked_commit(*parent)?.tree),
            None => None,
        };
        let root = TreePath::root();
        self.repo
            .objects()
            .walk_changes(before, Some(commit.tree), &root, visit)?;
        Ok(())
    }

    /// What differs between two modules that trees name.
    ///
    /// # Errors
    /// One of them is no module.
    pub fn compare(&self, old: ModuleHash, new: ModuleHash) -> Result<Comparison> {
        compare(old, new, |hash| self.bytes(hash))
    }
}

/// The same of modules whose bytes come from elsewhere.
///
/// # Errors
/// One of them is no module; those of `bytes`.
pub fn compare<B: AsRef<[u8]>, E: From<Error>>(
    old: ModuleHash,
    new: ModuleHash,
    mut bytes: impl FnMut(ModuleHash) -> Result<B, E>,
) -> Result<Comparison, E> {
    let mut interface = |hash: ModuleHash| {
        let interface = Interface::of(bytes(hash)?.as_ref());
        interface.map_err(|source| {
            let name = hash.to_string();
            E::from(Error::Invalid { name, source })
        })
    };
    Ok(Comparison::of(&interface(old)?, &interface(new)?))
}
