//! Compares the trees of two revisions, and the bytes of two modules.

use std::ops::ControlFlow;

use super::error::{Error, Result};
use super::error_kind::ErrorKind;
use super::open::Store;
use super::revision::Revision;
use crate::names::{ModuleHash, ModulePath, TreePath};
use crate::repo::{Commit, PathChange, TreeId, chain};
use crate::wasm::{Comparison, Interface, Verdict};

/// The result of comparing the old and the new module of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModuleComparison {
    /// Both are valid modules, with these differences.
    Compared(ModuleDiff),
    /// One of them is not a valid module. The text says why.
    NotComparable(String),
}

impl ModuleComparison {
    /// Converts the result of [`compare`]: an invalid module becomes `NotComparable` instead of an error.
    ///
    /// # Errors
    /// The errors of `compare` that are not about an invalid module.
    pub fn of(diff: Result<ModuleDiff>) -> Result<Self> {
        match diff {
            Ok(diff) => Ok(Self::Compared(diff)),
            Err(error) if error.kind() == ErrorKind::InvalidModule => {
                Ok(Self::NotComparable(chain(&error)))
            }
            Err(error) => Err(error),
        }
    }
}

/// The difference between two modules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleDiff {
    /// Whether the newer module can replace the older one.
    pub verdict: Verdict,
    /// The differences in their interfaces and sizes.
    pub comparison: Comparison,
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
        self.diff_after((old, new), path, None, visit)
    }

    /// Calls `visit` like [`diff`](Self::diff), but only for paths that sort after `after`.
    ///
    /// # Errors
    /// As for [`diff`](Self::diff).
    pub fn diff_after(
        &self,
        (old, new): (&Revision, &Revision),
        path: &TreePath,
        after: Option<&ModulePath>,
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
        self.repo
            .objects()
            .walk_changes(old, new, path, after, visit)?;
        Ok(())
    }

    /// Calls `visit` for every module that differs between a commit and its first parent, sorted by path, until `visit` returns
    /// `Break`.
    pub fn changes(
        &self,
        commit: &Commit,
        visit: impl FnMut(PathChange) -> ControlFlow<()>,
    ) -> Result<()> {
        self.changes_after(commit, None, visit)
    }

    /// Calls `visit` like [`changes`](Self::changes), but only for paths that sort after `after`.
    pub fn changes_after(
        &self,
        commit: &Commit,
        after: Option<&ModulePath>,
        visit: impl FnMut(PathChange) -> ControlFlow<()>,
    ) -> Result<()> {
        let parent_tree = match commit.parents.first() {
            Some(parent) => Some(self.repo.objects().linked_commit(*parent)?.tree),
            None => None,
        };
        let root = TreePath::root();
        self.repo
            .objects()
            .walk_changes(parent_tree, Some(commit.tree), &root, after, visit)?;
        Ok(())
    }

    /// Compares the old and the new module of an updated path. Returns `None` if the path was added or removed.
    ///
    /// # Errors
    /// A module cannot be read.
    pub fn compare(&self, change: &PathChange) -> Result<Option<ModuleComparison>> {
        let (Some(old), Some(new)) = (change.old, change.new) else {
            return Ok(None);
        };
        let diff = compare(old, new, |hash| self.bytes(hash));
        ModuleComparison::of(diff).map(Some)
    }
}

/// Compares two modules. Calls `bytes` to read each of them.
///
/// # Errors
/// One of them is not a valid module; the errors of `bytes`.
pub fn compare<B: AsRef<[u8]>, E: From<Error>>(
    old: ModuleHash,
    new: ModuleHash,
    mut bytes: impl FnMut(ModuleHash) -> Result<B, E>,
) -> Result<ModuleDiff, E> {
    let (old_bytes, new_bytes) = (bytes(old)?, bytes(new)?);
    let (old, new) = (old.to_string(), new.to_string());
    let diff = compare_bytes((&old, old_bytes.as_ref()), (&new, new_bytes.as_ref()));
    Ok(diff?)
}

/// Compares two modules. Each is a pair: a name that identifies the module in errors, and its bytes.
pub(super) fn compare_bytes(
    (old, old_bytes): (&str, &[u8]),
    (new, new_bytes): (&str, &[u8]),
) -> Result<ModuleDiff> {
    let invalid = |name| move |source| Error::invalid(name, source);
    let old_interface = Interface::of(old_bytes).map_err(invalid(old))?;
    let new_interface = Interface::of(new_bytes).map_err(invalid(new))?;
    Ok(ModuleDiff {
        verdict: Verdict::of(old_bytes, new_bytes).map_err(invalid(new))?,
        comparison: Comparison::of(&old_interface, &new_interface),
    })
}
