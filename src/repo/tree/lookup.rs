//! Looking up paths and listing modules, through the caches.

use std::ops::ControlFlow;

use gix::bstr::BStr;

use crate::config::NameRules;
use crate::names::{self, CommitId, ModuleHash, ModulePath, TreePath};
use crate::repo::error::{Error, Result};
use crate::repo::ids::TreeId;
use crate::repo::objects::db::ObjectDb;
use crate::repo::tree::entry::{ModuleEntry, TreeEntry, TreeNode};
use crate::repo::tree::new_names::check_new_path;
use crate::repo::tree::reader::{Lookup, TreeReader, find, look_up};

/// Some entries of a directory: the name and the node of each.
pub type DirectoryPart = Vec<(String, TreeNode)>;

/// The result of looking up a path in the caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CachedNode {
    /// The path exists, and this is its node.
    Found(TreeNode),
    /// The path does not exist.
    Absent,
    /// The commit, or a tree on the way to the path, is not in the caches.
    NotCached,
}

impl ObjectDb {
    /// Looks up `path` in the tree of a commit, without reading from the disk.
    pub fn cached_node(&self, commit: CommitId, path: &TreePath) -> CachedNode {
        let Some(commit) = self.caches.commits.get(&commit) else {
            return CachedNode::NotCached;
        };
        let find_cached = |tree, name: &BStr| {
            let tree = self.caches.trees.get(&tree).ok_or(())?;
            Ok(find(&tree, name).map(TreeEntry::from))
        };
        match look_up(commit.tree.0, path.as_str().into(), find_cached) {
            Ok(Lookup::Found(entry)) => CachedNode::Found(entry.node()),
            Ok(Lookup::Blocked(..) | Lookup::Absent) => CachedNode::Absent,
            Err(()) => CachedNode::NotCached,
        }
    }

    /// Returns the node at `path` in a tree; `None` if there is none.
    pub fn node(&self, tree: TreeId, path: &TreePath) -> Result<Option<TreeNode>> {
        Ok(TreeReader::cached(self)
            .entry(tree.0, path.as_str().into())?
            .map(|entry| entry.node()))
    }

    /// Returns the entries of the directory at `path` in a tree, in git's order; an empty list if there is no directory. Entries with
    /// illegal names are left out.
    pub fn directory(&self, tree: TreeId, path: &TreePath) -> Result<Vec<(String, TreeNode)>> {
        let trees = TreeReader::cached(self);
        let entry = trees.entry(tree.0, path.as_str().into())?;
        let Some(directory) = entry.and_then(|entry| entry.directory()) else {
            return Ok(Vec::new());
        };
        let directory = trees.load(directory.0)?;
        let entries = directory.entries.iter().filter_map(|entry| {
            let name = str::from_utf8(&entry.filename).ok();
            let name = name.filter(|name| names::is_legal_segment(name))?;
            Some((name.to_owned(), TreeEntry::from(entry).node()))
        });
        Ok(entries.collect())
    }

    /// Returns a part of the modules and directories in the directory at `path` in a tree, in git's order: skips the first `before` and
    /// returns at most `count`. Also returns the total number. `None` if there is no directory at `path`. Entries with illegal names are
    /// counted but not returned: checking all names of a large directory takes much longer than reading it.
    pub fn directory_part(
        &self,
        tree: TreeId,
        path: &TreePath,
        (before, count): (usize, usize),
    ) -> Result<Option<(DirectoryPart, usize)>> {
        let trees = TreeReader::cached(self);
        let directory = match path.is_root() {
            true => Some(tree),
            false => {
                let entry = trees.entry(tree.0, path.as_str().into())?;
                entry.and_then(|entry| entry.directory())
            }
        };
        let Some(directory) = directory else {
            return Ok(None);
        };
        let directory = trees.load(directory.0)?;
        let nodes = directory
            .entries
            .iter()
            .map(|entry| (entry, TreeEntry::from(entry).node()));
        let known = nodes.filter(|(_, node)| *node != TreeNode::Foreign);
        let part = known
            .clone()
            .skip(before)
            .take(count)
            .filter_map(|(entry, node)| {
                let name = str::from_utf8(&entry.filename).ok();
                let name = name.filter(|name| names::is_legal_segment(name))?;
                Some((name.to_owned(), node))
            });
        Ok(Some((part.collect(), known.count())))
    }

    /// Checks whether a module can be put at `path` in a tree.
    ///
    /// # Errors
    /// `PathTaken` if the path would be a module and a directory at once; `Name` for a new name that is not allowed.
    pub fn check_free(&self, tree: TreeId, path: &ModulePath, rules: NameRules) -> Result<()> {
        let trees = TreeReader::cached(self);
        check_new_path(&trees, tree.0, path.as_tree_path(), rules)?;
        match trees.obstacle(tree.0, path.as_str().into())? {
            Some((existing, kind)) => Err(Error::PathTaken {
                path: path.to_string(),
                existing,
                kind,
            }),
            None => Ok(()),
        }
    }

    /// Calls `visit` for every module below `at` in a tree, sorted by path, until `visit` returns `Break`. Returns the value in `Break`;
    /// `None` if every module was visited.
    pub fn walk_modules<B>(
        &self,
        tree: TreeId,
        at: &TreePath,
        visit: impl FnMut(ModulePath, ModuleHash) -> ControlFlow<B>,
    ) -> Result<Option<B>> {
        self.walk_modules_after(tree, at, None, visit)
    }

    /// Does the same as [`walk_modules`](Self::walk_modules) for the modules whose paths sort after `after`.
    pub fn walk_modules_after<B>(
        &self,
        tree: TreeId,
        at: &TreePath,
        after: Option<&ModulePath>,
        mut visit: impl FnMut(ModulePath, ModuleHash) -> ControlFlow<B>,
    ) -> Result<Option<B>> {
        let after = after.map(ModulePath::as_str);
        Ok(TreeReader::cached(self)
            .walk(tree.0, at, after, &mut visit)?
            .break_value())
    }

    /// Does the same as [`walk_modules_after`](Self::walk_modules_after), but passes entries instead of paths, so that `visit` builds only
    /// the paths that it needs. Also visits modules whose names are not legal in the store; these have no path.
    pub fn walk_entries_after<B>(
        &self,
        tree: TreeId,
        at: &TreePath,
        after: Option<&ModulePath>,
        mut visit: impl FnMut(ModuleEntry<'_>) -> ControlFlow<B>,
    ) -> Result<Option<B>> {
        let after = after.map(ModulePath::as_str);
        Ok(TreeReader::cached(self)
            .walk_entries(tree.0, at, after, &mut visit)?
            .break_value())
    }
}
