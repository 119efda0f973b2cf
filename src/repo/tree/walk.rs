//! Walks over the modules below a directory, sorted by path.

use std::ops::ControlFlow;

use crate::names::{ModuleHash, ModulePath, TreePath};
use crate::repo::error::Result;
use crate::repo::tree::entry::{ModuleEntry, TreeEntry, TreeNode};
use crate::repo::tree::reader::TreeReader;

impl TreeReader<'_> {
    /// Calls `visit` for every module below `at` whose path sorts after `after`, sorted by path, until `visit` returns `Break`. No sorting
    /// is needed: git's order of the entries of each tree results in the order of the full paths.
    pub(crate) fn walk<B>(
        &self,
        root: gix::ObjectId,
        at: &TreePath,
        after: Option<&str>,
        visit: &mut dyn FnMut(ModulePath, ModuleHash) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>> {
        self.walk_entries(root, at, after, &mut |entry| match entry.path() {
            Some(path) => visit(path, entry.hash),
            None => ControlFlow::Continue(()),
        })
    }

    /// Does the same as [`walk`](Self::walk) without building the paths of the modules, because building paths takes longer than reading
    /// entries. Also visits modules whose names are not legal in the store; these have no path.
    pub(crate) fn walk_entries<B>(
        &self,
        root: gix::ObjectId,
        at: &TreePath,
        after: Option<&str>,
        visit: &mut dyn FnMut(ModuleEntry<'_>) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>> {
        match self
            .entry(root, at.as_str().into())?
            .and_then(|entry| entry.directory())
        {
            Some(tree) => self.walk_dir(tree.0, at, after, visit),
            None => Ok(ControlFlow::Continue(())),
        }
    }

    fn walk_dir<B>(
        &self,
        tree: gix::ObjectId,
        at: &TreePath,
        after: Option<&str>,
        visit: &mut dyn FnMut(ModuleEntry<'_>) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>> {
        let tree = self.load_once(tree)?;
        let start = after.map_or(0, |after| count_before(&tree.entries, at, after));
        for entry in &tree.entries[start..] {
            let flow = match TreeEntry::from(entry).node() {
                TreeNode::Directory(tree) => match TreePath::from_entry(at, &entry.filename) {
                    Some(path) => self.walk_dir(tree.0, &path, after, visit)?,
                    None => continue,
                },
                TreeNode::Module(hash) => visit(ModuleEntry {
                    directory: at,
                    name: &entry.filename,
                    hash,
                }),
                TreeNode::Foreign => continue,
            };
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Returns the number of entries of the directory `at` that the walk can skip: they, and everything below them, sort before or at the path
/// `after`. The search is binary, because a long list is read in pages, and each page begins with this search.
fn count_before(entries: &[gix::objs::tree::Entry], at: &TreePath, after: &str) -> usize {
    match at.relative(after) {
        Some(after) => entries.partition_point(|entry| {
            is_before(&entry.filename, entry.mode.is_tree(), after.as_bytes())
        }),
        None if directory_path(at.as_str().as_bytes()).lt(after.bytes()) => entries.len(),
        None => 0,
    }
}

/// Returns whether the entry, and everything below it if it is a directory, sorts before or at `after`.
fn is_before(name: &[u8], is_directory: bool, after: &[u8]) -> bool {
    if !is_directory {
        return name <= after;
    }
    // All paths below the directory begin with its name and a slash. They sort before `after` if this prefix does, unless `after` is one of
    // them.
    let rest = after.strip_prefix(name);
    !rest.is_some_and(|rest| rest.starts_with(b"/"))
        && directory_path(name).lt(after.iter().copied())
}

/// Returns the prefix of all paths below a directory: the path of the directory and a slash.
fn directory_path(path: &[u8]) -> impl Iterator<Item = u8> {
    path.iter().copied().chain([b'/'])
}
