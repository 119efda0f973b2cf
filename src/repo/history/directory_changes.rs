//! Finds the commits that changed a directory.

use std::collections::{BTreeSet, HashMap};

use gix::bstr::BStr;

use crate::names::{self, CommitId, TreePath};
use crate::repo::error::Result;
use crate::repo::ids::TreeId;
use crate::repo::objects::commit::Commit;
use crate::repo::objects::db::ObjectDb;
use crate::repo::tree::entry::{TreeEntry, TreeNode};
use crate::repo::tree::reader::{TreeReader, find};

/// The tree of the directory in a commit; `None` if the commit has no such directory.
type DirectoryTree = Option<gix::ObjectId>;

/// Compares a directory in a commit with the directory in the commit's parents.
pub struct DirectoryChanges<'r> {
    objects: &'r ObjectDb,
    trees: TreeReader<'r>,
    directory: TreePath,
    /// The directory's tree in each commit that was read as the parent of another commit. The walk usually visits these commits next.
    parent_directories: HashMap<CommitId, DirectoryTree>,
}

impl ObjectDb {
    /// Returns a `DirectoryChanges`, which decides for each commit of a walk whether the commit changed the directory.
    pub fn directory_changes(&self, directory: TreePath) -> DirectoryChanges<'_> {
        DirectoryChanges {
            objects: self,
            trees: TreeReader::cached(self),
            directory,
            parent_directories: HashMap::new(),
        }
    }
}

impl DirectoryChanges<'_> {
    /// Returns whether the commit changed the directory: whether some module below it differs from the module at the same path in every
    /// parent. So a merge that only takes modules from its parents has not changed the directory.
    ///
    /// # Errors
    /// A parent or a tree is missing or damaged.
    pub fn is_change(&mut self, commit: &Commit) -> Result<bool> {
        let new = match self.parent_directories.remove(&commit.id) {
            Some(directory) => directory,
            None => self.directory_in(commit.tree)?,
        };
        let mut parents = Vec::with_capacity(commit.parents.len());
        for parent in &commit.parents {
            let tree = match self.parent_directories.get(parent) {
                Some(directory) => *directory,
                None => self.directory_in(self.objects.linked_commit(*parent)?.tree)?,
            };
            self.parent_directories.insert(*parent, tree);
            parents.push(tree);
        }
        if parents.is_empty() {
            parents.push(None);
        }
        self.has_own_module(new, parents)
    }

    fn directory_in(&self, tree: TreeId) -> Result<DirectoryTree> {
        let entry = self.trees.entry(tree.0, self.directory.as_str().into())?;
        Ok(directory_of(entry))
    }

    /// Returns whether a module below the tree `new` differs from the module at the same path in each of `others`. Does not read a
    /// directory that is equal to the directory at the same path in one of `others`.
    fn has_own_module(&self, new: DirectoryTree, others: Vec<DirectoryTree>) -> Result<bool> {
        let mut differing = vec![(new, others)];
        while let Some((new, others)) = differing.pop() {
            if others.contains(&new) {
                continue;
            }
            let new = self.load(new)?;
            let others = others.into_iter().map(|other| self.load(other));
            let others = others.collect::<Result<Vec<_>>>()?;
            // A module that `new` does not have only counts as a difference if all other trees have it. So the names in the first of them
            // are enough.
            let mut names = BTreeSet::new();
            for tree in new.iter().chain(others.first().into_iter().flatten()) {
                names.extend(tree.entries.iter().map(|entry| &entry.filename));
            }
            for name in names {
                if !str::from_utf8(name).is_ok_and(names::is_legal_segment) {
                    continue;
                }
                let entry = entry_of(new.as_deref(), name.as_ref());
                let other_entries = others.iter();
                let other_entries: Vec<_> = other_entries
                    .map(|other| entry_of(other.as_deref(), name.as_ref()))
                    .collect();
                if other_entries.contains(&entry) {
                    continue;
                }
                let module = entry.and_then(|entry| entry.module());
                let mut modules = other_entries.iter().map(|it| it.and_then(|it| it.module()));
                if modules.all(|other| other != module) {
                    return Ok(true);
                }
                let directories = other_entries.into_iter().map(directory_of).collect();
                differing.push((directory_of(entry), directories));
            }
        }
        Ok(false)
    }

    fn load(&self, tree: DirectoryTree) -> Result<Option<std::sync::Arc<gix::objs::Tree>>> {
        tree.map(|tree| self.trees.load(tree)).transpose()
    }
}

fn entry_of(tree: Option<&gix::objs::Tree>, name: &BStr) -> Option<TreeEntry> {
    tree.and_then(|tree| find(tree, name)).map(TreeEntry::from)
}

fn directory_of(entry: Option<TreeEntry>) -> DirectoryTree {
    match entry?.node() {
        TreeNode::Directory(tree) => Some(tree.0),
        TreeNode::Module(_) | TreeNode::Foreign => None,
    }
}
