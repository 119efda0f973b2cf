//! Lists a directory, with the size, summary and last change of each entry.

use std::sync::Arc;

use super::error::Result;
use super::facts::ModuleSummary;
use super::open::Store;
use super::revision::{ResolvedRevision, Revision};
use crate::index::{NewestChanges, PathChangeEntry};
use crate::names::{ModuleHash, TreePath};
use crate::repo::{Commit, DirectoryPart, TreeId, TreeNode};

/// A page of the entries of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryPage {
    /// The entries, in git's order: a directory sorts as if its name ended with a slash.
    pub entries: Vec<DirectoryEntry>,
    /// The number of entries of the directory that precede this page.
    pub before: usize,
    /// The number of all entries of the directory.
    pub total: usize,
    /// Whether the version index has the summary of every listed module, and the sizes of its earlier versions. If not, the page has gaps
    /// that a later request may fill.
    pub is_complete: bool,
    /// Whether the last changes and earlier sizes of some entries are missing, because the search for them stopped at its limit.
    pub is_cut: bool,
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// The name in the directory, without the path.
    pub name: String,
    /// The directory or module that has this name.
    pub node: EntryNode,
    /// The newest commit of the first-parent history that changed the entry; `None` if it is not known.
    pub last_change: Option<Commit>,
}

/// The directory or module that an entry refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryNode {
    /// A directory.
    Directory {
        /// The number of entries in this directory.
        entries: usize,
    },
    /// A module.
    Module {
        /// The hash of the module.
        hash: ModuleHash,
        /// The size of the module, in bytes.
        size_bytes: u64,
        /// The summary of the module; `None` if the facts about the module are not in the index yet, or the module is not valid.
        summary: Option<Arc<ModuleSummary>>,
        /// The sizes of the newest modules that this path had in the first-parent history, in bytes, oldest first. Unknown sizes are left
        /// out.
        sizes: Vec<u64>,
    },
}

impl Store {
    /// Returns a page of the directory at `path` in the tree at `revision`: at most `count` entries after the first `before` entries.
    /// Returns `None` if there is no such directory. Each module has at most `sizes` sizes. Symbolic links, submodules and entries with
    /// illegal names are left out.
    ///
    /// # Errors
    /// Unknown branch or commit.
    pub fn directory(
        &self,
        revision: &Revision,
        path: &TreePath,
        (before, count): (usize, usize),
        sizes: usize,
    ) -> Result<Option<DirectoryPage>> {
        self.read(revision, |resolved| {
            let Some((nodes, total)) = self.nodes_in(resolved, path, (before, count))? else {
                return Ok(None);
            };
            let page = DirectoryPage {
                entries: Vec::new(),
                before: before.min(total),
                total,
                is_complete: true,
                is_cut: false,
            };
            let page = self.with_entries(page, (resolved, path), nodes, sizes.max(1))?;
            Ok(Some(page))
        })
    }

    /// Returns the commits of the first-parent history that changed the module at `path`, or something in the directory at `path`: newest
    /// first, at most `count`, without the first `skip`.
    ///
    /// # Errors
    /// Unknown branch or commit.
    pub fn directory_log(
        &self,
        revision: &Revision,
        path: &TreePath,
        (skip, count): (usize, usize),
    ) -> Result<Vec<Commit>> {
        self.read(revision, |resolved| {
            let Some(tip) = resolved.commit else {
                return Ok(Vec::new());
            };
            let paths = std::slice::from_ref(path);
            let count = skip.saturating_add(count);
            let changes =
                self.query_index(tip, |index| Ok(index.newest_changes(tip, paths, count)?))?;
            let commits = changes.of_paths.into_iter().flatten().skip(skip);
            let commits =
                commits.map(|change| Ok(self.repo.objects().linked_commit(change.commit)?));
            commits.collect()
        })
    }

    /// Returns some of the modules and directories in the directory at `path`, and the number of all of them. `part` is the number of
    /// entries to skip and the number to return. Returns `None` if there is no such directory.
    pub(super) fn nodes_in(
        &self,
        resolved: ResolvedRevision,
        path: &TreePath,
        part: (usize, usize),
    ) -> Result<Option<(DirectoryPart, usize)>> {
        match resolved.tree {
            Some(tree) => Ok(self.repo.objects().directory_part(tree, path, part)?),
            None => Ok(path.is_root().then(|| (Vec::new(), 0))),
        }
    }

    /// Returns the number of modules and directories in a directory.
    fn count_entries(&self, tree: TreeId) -> Result<usize> {
        let counted = { self.repo.objects() }.directory_part(tree, &TreePath::root(), (0, 0))?;
        Ok(counted.map_or(0, |(_, total)| total))
    }

    fn with_entries(
        &self,
        mut page: DirectoryPage,
        (resolved, directory): (ResolvedRevision, &TreePath),
        nodes: Vec<(String, TreeNode)>,
        sizes: usize,
    ) -> Result<DirectoryPage> {
        let (mut paths, mut named) = (Vec::new(), Vec::new());
        for (name, node) in nodes {
            // Leaves out an entry whose path would be too long, because no request could read it.
            if let Ok(path) = directory.join(&name) {
                paths.push(path);
                named.push((name, node));
            }
        }
        let histories = match resolved.commit {
            Some(tip) => {
                self.query_index(tip, |index| Ok(index.newest_changes(tip, &paths, sizes)?))?
            }
            None => NewestChanges::default(),
        };
        page.is_cut = histories.is_cut;
        let histories = { histories.of_paths.into_iter() }.chain(std::iter::repeat(Vec::new()));
        for ((name, node), history) in named.into_iter().zip(histories) {
            let last_change = history.first().map(|newest| newest.commit);
            let last_change = last_change.map(|id| self.repo.objects().linked_commit(id));
            let node = match node {
                TreeNode::Module(hash) => {
                    let is_unknown = |change: &PathChangeEntry| {
                        change.module.is_some() && change.size_bytes.is_none()
                    };
                    page.is_complete &= !history.iter().any(is_unknown);
                    let node = self.module_entry(hash, &history)?;
                    page.is_complete &= !matches!(node, EntryNode::Module { summary: None, .. });
                    node
                }
                TreeNode::Directory(tree) => EntryNode::Directory {
                    entries: self.count_entries(tree)?,
                },
                TreeNode::Foreign => EntryNode::Directory { entries: 0 },
            };
            page.entries.push(DirectoryEntry {
                name,
                node,
                last_change: last_change.transpose()?,
            });
        }
        Ok(page)
    }

    fn module_entry(&self, hash: ModuleHash, history: &[PathChangeEntry]) -> Result<EntryNode> {
        let summary = self.module_summary(hash);
        let size_bytes = match &summary {
            Some(summary) => summary.size_bytes,
            None => self.size_bytes(hash)?,
        };
        let sizes = history.iter().rev().filter_map(|change| change.size_bytes);
        Ok(EntryNode::Module {
            hash,
            size_bytes,
            summary,
            sizes: sizes.collect(),
        })
    }
}
