//! A draft: the tip on which a change is decided, and a copy of its tree that the change edits.
//!
//! Drafts write nothing to the disk: new trees stay in memory until the change is published.

mod graft;
mod merge;
mod read;

use std::cell::Cell;
use std::collections::HashSet;

use gix::bstr::BStr;
use gix::objs::tree::EntryKind;

use crate::config::NameRules;
use crate::names::{BranchName, CommitId, ModuleHash, ModulePath, RefName, TreePath};
use crate::repo::error::{Error, Result};
use crate::repo::ids::{TreeId, commit_id, object_id};
use crate::repo::objects::commit::{self, Commit, read_linked};
use crate::repo::publish::decision::Decision;
use crate::repo::refs::store::RefStore;
use crate::repo::tree::edit::{EditedTree, edit};
use crate::repo::tree::encoded_diff::{TreeChange, TreeDiffer};
use crate::repo::tree::entry::TreeEntry;
use crate::repo::tree::new_names::{check_new_path, check_portable};
use crate::repo::tree::reader::TreeReader;

/// The next state of a ref, which a change edits: the ref's current tip, and the tree of that commit with the edits so far.
pub struct Draft<'w> {
    repo: &'w gix::Repository,
    trees: TreeReader<'w>,
    tip: Option<Commit>,
    tree: gix::ObjectId,
    /// The new trees, if a single edit has written all of them. Empty if there was no edit, if there were several, or if the tree was
    /// changed in another way.
    written: Vec<gix::ObjectId>,
    is_edited: bool,
    /// The trees of the directories that were copied or moved as a whole. All names in them are allowed, so they are not checked again.
    checked_trees: HashSet<gix::ObjectId>,
    refs: &'w RefStore,
    /// The other refs that earlier changes in the same batch (changes that are published together) are about to move.
    moving: Vec<&'w RefName>,
    has_read_moving: Cell<bool>,
}

impl<'w> Draft<'w> {
    /// Creates a [`Draft`] of the ref whose tip is `tip`. `moving` lists the other refs that earlier changes in the same batch (changes
    /// that are published together) are about to move.
    pub(crate) fn new(
        repo: &'w gix::Repository,
        tip: Option<gix::ObjectId>,
        refs: &'w RefStore,
        moving: Vec<&'w RefName>,
    ) -> Result<Self> {
        let tip = tip
            .map(|tip| read_linked(repo, commit_id(&tip)))
            .transpose()?;
        let tree = tip.as_ref().map_or_else(
            || gix::ObjectId::empty_tree(repo.object_hash()),
            |tip| tip.tree.0,
        );
        Ok(Self {
            repo,
            trees: TreeReader::new(repo),
            tip,
            tree,
            written: Vec::new(),
            is_edited: false,
            checked_trees: HashSet::new(),
            refs,
            moving,
            has_read_moving: Cell::default(),
        })
    }

    /// Returns whether [`Self::tip_of`] or [`Self::branch_tips`] has failed because the batch is about to move a requested branch.
    pub(crate) fn has_read_moving(&self) -> bool {
        self.has_read_moving.get()
    }

    /// Returns the new trees, each after the trees below it, if a single edit has written all of them; otherwise an empty list.
    pub(crate) fn into_written(self) -> Vec<gix::ObjectId> {
        self.written
    }

    /// Returns every branch with its tip, sorted by name. No other change moves a branch until this change is published.
    ///
    /// # Errors
    /// `UncollectableRef` if a branch is broken: it is unknown which OCI records that branch needs. `Moved` if an earlier change of the
    /// batch is about to move a branch, as for [`Self::tip_of`]. The refs cannot be read.
    pub fn branch_tips(&self) -> Result<Vec<(BranchName, CommitId)>> {
        let branch = |name: &&&RefName| matches!(name, RefName::Branch(_));
        if let Some(name) = self.moving.iter().find(branch) {
            self.has_read_moving.set(true);
            return Err(Error::Moved((*name).clone()));
        }
        self.refs.collectable_branch_tips()
    }

    /// Returns the tip of another branch. No other change moves that branch until this change is published.
    ///
    /// # Errors
    /// `UnknownBranch`. `Moved` if an earlier change of the batch is about to move that branch: the change is then decided again after that
    /// branch has moved.
    pub fn tip_of(&self, branch: &BranchName) -> Result<CommitId> {
        let resolved = self.refs.resolve_branch(Some(branch))?;
        let name = RefName::from(resolved.clone());
        if self.moving.contains(&&name) {
            self.has_read_moving.set(true);
            return Err(Error::Moved(name));
        }
        let tip = self.refs.tip(&resolved)?;
        tip.ok_or_else(|| Error::UnknownBranch(branch.to_string()))
    }

    /// Returns the commit at the tip; `None` if the ref has no commit yet.
    pub fn tip(&self) -> Option<&Commit> {
        self.tip.as_ref()
    }

    /// Returns the tree with the edits so far.
    pub fn tree(&self) -> TreeId {
        TreeId(self.tree)
    }

    /// Returns whether the tree differs from the tree of the tip.
    pub fn is_changed(&self) -> bool {
        self.tip
            .as_ref()
            .map_or(!self.tree.is_empty_tree(), |tip| tip.tree.0 != self.tree)
    }

    /// Puts modules at their paths. If a path already has the module, keeps its tree entry, including the file mode.
    ///
    /// # Errors
    /// `PathTaken` if a path would be both a module and a directory, because of another new module or an existing one; `Name` for a new
    /// name that is not allowed.
    pub fn set(&mut self, modules: &[(ModulePath, ModuleHash)]) -> Result<()> {
        let paths: HashSet<&str> = modules.iter().map(|(path, _)| path.as_str()).collect();
        let mut edits = Vec::new();
        for (path, hash) in modules {
            let new = path.as_tree_path();
            check_new_path(&self.trees, self.tree, new, NameRules::default())?;
            let mut parents = path
                .as_str()
                .match_indices('/')
                .map(|(end, _)| &path.as_str()[..end]);
            let obstacle = match parents.find(|parent| paths.contains(parent)) {
                Some(parent) => Some((format!("/{parent}"), "a module")),
                None => self.trees.obstacle(self.tree, path.as_str().into())?,
            };
            if let Some((existing, kind)) = obstacle {
                return Err(Error::PathTaken {
                    path: path.to_string(),
                    existing,
                    kind,
                });
            }
            let id = object_id(self.repo, hash.as_bytes()).ok_or(Error::UnknownBlob(*hash))?;
            let entry = TreeEntry {
                mode: EntryKind::Blob.into(),
                id,
            };
            if self.entry(path.as_str())? != Some(entry) {
                edits.push((path.as_str().into(), Some(entry)));
            }
        }
        self.edit(&edits)
    }

    /// Removes the modules at these paths.
    pub fn remove(&mut self, paths: &[ModulePath]) -> Result<()> {
        let edits: Vec<_> = paths
            .iter()
            .map(|path| (path.as_str().into(), None))
            .collect();
        self.edit(&edits)
    }

    /// Puts the entry that `commit` has at `path` there, in place of any existing module or directory. If `commit` has no entry at `path`,
    /// removes the existing one.
    ///
    /// # Errors
    /// `UnknownCommit`; `PathTaken` if a parent directory of `path` is a module.
    pub fn restore(&mut self, commit: CommitId, path: &TreePath) -> Result<()> {
        let entry = self.entry_in(&self.commit(commit)?, path)?;
        if path.is_root() {
            self.replace_tree(entry.expect("BUG: the root always exists").id);
            return Ok(());
        }
        if entry == self.entry(path.as_str())? {
            return Ok(());
        }
        let obstacle = self.trees.obstacle(self.tree, path.as_str().into())?;
        if let (Some(_), Some((existing, kind))) = (entry, obstacle)
            && existing != path.to_string()
        {
            return Err(Error::PathTaken {
                path: path.to_string(),
                existing,
                kind,
            });
        }
        self.edit(&[(path.as_str().into(), entry)])
    }

    /// Reads a commit whose id comes from a user or from another commit.
    pub fn commit(&self, id: CommitId) -> Result<Commit> {
        commit::read(self.repo, id)
    }

    /// Returns the first parent of a commit of this branch; `None` for a commit without parents.
    pub fn parent(&self, commit: &Commit) -> Result<Option<Commit>> {
        let parent = commit.parents.first();
        parent
            .map(|parent| read_linked(self.repo, *parent))
            .transpose()
    }

    /// Returns the tree entry at `path` in `commit`; `None` if there is none. There is always an entry for the root.
    pub fn entry_in(&self, commit: &Commit, path: &TreePath) -> Result<Option<TreeEntry>> {
        self.trees.entry(commit.tree.0, path.as_str().into())
    }

    /// Returns every path at which the edited tree differs from the tree `old`.
    pub fn changed_since(&self, old: TreeId) -> Result<Vec<TreeChange>> {
        TreeDiffer::with_handle(self.repo).changes(Some(old), self.tree())
    }

    /// Checks that all names that a decision adds to the branch are portable: legal on Windows and macOS.
    ///
    /// # Errors
    /// `Name` for a name that is not portable, or that Windows or macOS cannot tell from another name in the same directory.
    pub fn check_portable_names(&self, decision: &Decision) -> Result<()> {
        let new = match decision {
            Decision::Unchanged => return Ok(()),
            Decision::FastForward(commit) => self.commit(*commit)?.tree.0,
            Decision::Commit { tree, .. } | Decision::Root { tree, .. } => tree.0,
        };
        let old = self.tip.as_ref().map(|tip| tip.tree.0);
        check_portable(&self.trees, old, new, &self.checked_trees)
    }

    fn entry(&self, path: &str) -> Result<Option<TreeEntry>> {
        self.trees.entry(self.tree, path.into())
    }

    /// Replaces the whole tree. Clears `written`, which must list all trees that the tip lacks or be empty, because a later edit would list
    /// only some of them.
    fn replace_tree(&mut self, tree: gix::ObjectId) {
        self.tree = tree;
        self.is_edited = true;
        self.written = Vec::new();
    }

    /// Sets (`Some`) or removes (`None`) the tree entry at each path.
    fn edit(&mut self, edits: &[(&BStr, Option<TreeEntry>)]) -> Result<()> {
        let edited = edit(self.repo, &self.trees, self.tree, edits)?;
        self.set_edited(edited);
        Ok(())
    }

    fn set_edited(&mut self, edited: EditedTree) {
        if edited.id != self.tree {
            let is_first = !std::mem::replace(&mut self.is_edited, true);
            self.written = if is_first { edited.written } else { Vec::new() };
            self.tree = edited.id;
        }
    }
}

#[cfg(test)]
mod tests;
