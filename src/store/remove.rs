//! Removes modules.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::change::Change;
use super::commit_messages as message;
use super::early_selection::SelectableTree;
use super::error::{Error, Result};
use super::index::BEHIND_MAX;
use super::open::Store;
use super::precondition::PreconditionSubject;
use super::revision::Revision;
use crate::index::Reader;
use crate::names::{HashRef, ModuleHash, ModulePath, ModuleRef, TreePath};
use crate::repo::{Draft, Published, TreeNode, chain};

/// Whether a removal may remove a whole directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectoryRemoval {
    /// Refuse to remove a directory.
    Refuse,
    /// Remove every module in the directory.
    Recursive,
}

impl Store {
    /// Removes, in one commit, the module at a path, every module in a directory, or the module with a hash or digest from every path that
    /// has it.
    ///
    /// # Errors
    /// The module does not exist; the name is a directory and `directories` is `Refuse`; unknown branch.
    pub fn remove(
        &self,
        change: &Change,
        name: &ModuleRef,
        directories: DirectoryRemoval,
    ) -> Result<Published<()>> {
        let (candidates, index) = match name {
            ModuleRef::Path(_) => (Vec::new(), None),
            ModuleRef::Hash(hash) => (
                self.removal_candidates(change, hash)?,
                self.index.reader().ok(),
            ),
        };
        let txn = self.begin()?;
        self.publish(txn, change, |draft| {
            let paths = match name {
                ModuleRef::Path(path) => {
                    change.check(self, draft, path.as_tree_path().into())?;
                    paths_below(draft, path, directories)?
                }
                ModuleRef::Hash(_) => {
                    let found = first_listed(draft, index.as_ref(), &candidates)?;
                    let hash = found.as_ref().map(|(hash, _)| *hash);
                    change.check(self, draft, PreconditionSubject::Module(hash))?;
                    found.ok_or_else(|| Error::NoModule(name.to_string()))?.1
                }
            };
            draft.remove(&paths)?;
            let message = || message::remove(&name.to_string());
            Ok((change.commit_if_changed(draft, Vec::new(), message), ()))
        })
    }

    /// Returns the modules to which a hash or digest may refer. Is called before the lock is taken, because it may take long.
    pub(super) fn removal_candidates(
        &self,
        change: &Change,
        requested: &HashRef,
    ) -> Result<Vec<ModuleHash>> {
        let (id, digest) = self.interpretations(requested);
        if let Err(error) = self.catch_up(&Revision::Branch(change.branch.clone())) {
            tracing::debug!(
                error = chain(&error),
                "could not update the version index; walking the tree instead"
            );
        }
        let size_of_id = id
            .map(|id| self.repo.objects().blob_size_bytes(id))
            .transpose()?;
        let by_digest = match digest.filter(|_| size_of_id.flatten().is_none()) {
            Some(digest) => self.module_by_digest(digest)?,
            None => None,
        };
        Ok(id.into_iter().chain(by_digest).collect())
    }
}

/// Returns the first of the modules `candidates` that the tree of `draft` has at any path, with all its paths there; `None` if the tree has
/// none of them.
pub(super) fn first_listed(
    draft: &Draft<'_>,
    index: Option<&Reader>,
    candidates: &[ModuleHash],
) -> Result<Option<(ModuleHash, Vec<ModulePath>)>> {
    for hash in candidates {
        let indexed = match index {
            Some(index) => indexed_paths(index, draft, *hash)?,
            None => None,
        };
        let paths = match indexed {
            Some(paths) => paths,
            None => draft
                .modules(&TreePath::root())?
                .into_iter()
                .filter_map(|(path, listed)| (listed == *hash).then_some(path))
                .collect(),
        };
        if !paths.is_empty() {
            return Ok(Some((*hash, paths)));
        }
    }
    Ok(None)
}

/// Returns the paths to remove: `path` if it is a module, or the paths of all modules in the directory `path`.
pub(super) fn paths_below(
    tree: &dyn SelectableTree,
    path: &ModulePath,
    directories: DirectoryRemoval,
) -> Result<Vec<ModulePath>> {
    match (tree.node(path.as_tree_path())?, directories) {
        (Some(TreeNode::Module(_)), _) => Ok(vec![path.clone()]),
        (Some(TreeNode::Directory(_)), DirectoryRemoval::Refuse) => {
            Err(Error::DirectoryNotRemoved(path.to_string()))
        }
        (Some(TreeNode::Directory(_)), DirectoryRemoval::Recursive) => Ok(tree
            .modules(path.as_tree_path())?
            .into_iter()
            .map(|(path, _)| path)
            .collect()),
        (Some(TreeNode::Foreign) | None, _) => Err(Error::NoModule(path.to_string())),
    }
}

/// Returns every path at which the draft has the module. Checks the paths that ever had the module according to the index, and the paths
/// that differ from the newest indexed commit. Returns `None` if the index lacks too many commits.
fn indexed_paths(
    index: &Reader,
    draft: &Draft<'_>,
    hash: ModuleHash,
) -> Result<Option<Vec<ModulePath>>> {
    let mut next = draft.tip().cloned();
    for _ in 0..BEHIND_MAX {
        let Some(commit) = next else { break };
        if !index.contains(commit.id).unwrap_or(false) {
            next = draft.parent(&commit)?;
            continue;
        }
        let mut paths = BTreeSet::new();
        let visited = index.paths_of(hash, |path| -> ControlFlow<()> {
            paths.insert(path);
            ControlFlow::Continue(())
        });
        if visited.is_err() {
            break;
        }
        for changed in draft.changed_since(commit.tree)? {
            if changed.new == Some(hash) {
                let path = std::str::from_utf8(&changed.path).ok();
                paths.extend(path.and_then(|path| ModulePath::parse(path).ok()));
            }
        }
        let mut listed = Vec::new();
        for path in paths {
            if draft.node(path.as_tree_path())? == Some(TreeNode::Module(hash)) {
                listed.push(path);
            }
        }
        return Ok(Some(listed));
    }
    Ok(None)
}
