//! What changed between two trees, told as it is found: of trees with millions of differences none is kept.

use std::cmp::Ordering;
use std::ops::ControlFlow;
use std::sync::Arc;

use gix::objs::Tree;
use gix::objs::tree::{Entry as TreeEntry, name_order};

use crate::names::{ModuleHash, ModulePath, TreePath};
use crate::repo::error::Result;
use crate::repo::objects::db::ObjectDb;
use crate::repo::tree::diff::PathChange;
use crate::repo::tree::entry::{Entry, Node, TreeId};
use crate::repo::tree::reader::Trees;

impl ObjectDb {
    /// Calls `visit` for every module at or below `at` that differs between two trees, sorted by path, until it breaks; `None` is
    /// the empty tree.
    pub fn walk_changes<B>(
        &self,
        old: Option<TreeId>,
        new: Option<TreeId>,
        at: &TreePath,
        mut visit: impl FnMut(PathChange) -> ControlFlow<B>,
    ) -> Result<Option<B>> {
        let trees = Trees::remembering(self);
        let entry = |tree: Option<TreeId>| match tree {
            Some(tree) => trees.entry(tree.0, at.as_str().into()),
            None => Ok(None),
        };
        let (old, new) = (entry(old)?, entry(new)?);
        Ok(compare(&trees, at, old, new, &mut visit)?.break_value())
    }
}

/// Compares what stands at one path.
fn compare<B>(
    trees: &Trees<'_>,
    path: &TreePath,
    old: Option<Entry>,
    new: Option<Entry>,
    visit: &mut dyn FnMut(PathChange) -> ControlFlow<B>,
) -> Result<ControlFlow<B>> {
    if old == new {
        return Ok(ControlFlow::Continue(()));
    }
    let change = (module(old), module(new));
    if change.0 != change.1
        && let Ok(path) = ModulePath::try_from(path.clone())
    {
        let (old, new) = change;
        let flow = visit(PathChange { path, old, new });
        if flow.is_break() {
            return Ok(flow);
        }
    }
    match (folder(old), folder(new)) {
        (None, None) => Ok(ControlFlow::Continue(())),
        (old, new) => compare_folders(trees, path, old, new, visit),
    }
}

/// Compares what is in two folders of the same path; `None` is an empty one.
fn compare_folders<B>(
    trees: &Trees<'_>,
    at: &TreePath,
    old: Option<TreeId>,
    new: Option<TreeId>,
    visit: &mut dyn FnMut(PathChange) -> ControlFlow<B>,
) -> Result<ControlFlow<B>> {
    let load = |tree: Option<TreeId>| tree.map(|tree| trees.load(tree.0)).transpose();
    let (old, new) = (load(old)?, load(new)?);
    let (mut old, mut new) = (entries(&old).peekable(), entries(&new).peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return Ok(ControlFlow::Continue(())),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => name_order(
                &old.filename,
                old.mode.is_tree(),
                &new.filename,
                new.mode.is_tree(),
            ),
        };
        let before = old.next_if(|_| order.is_le());
        let after = new.next_if(|_| order.is_ge());
        let name = before.or(after).map(|entry| entry.filename.as_slice());
        let Some(path) = name.and_then(|name| TreePath::from_entry(at, name)) else {
            continue;
        };
        let flow = compare(trees, &path, before.map(entry), after.map(entry), visit)?;
        if flow.is_break() {
            return Ok(flow);
        }
    }
}

fn entries(tree: &Option<Arc<Tree>>) -> impl Iterator<Item = &TreeEntry> {
    tree.iter().flat_map(|tree| &tree.entries)
}

fn entry(entry: &TreeEntry) -> Entry {
    Entry {
        mode: entry.mode,
        id: entry.oid,
    }
}

fn module(entry: Option<Entry>) -> Option<ModuleHash> {
    match entry?.node() {
        Node::Module(hash) => Some(hash),
        Node::Folder(_) | Node::Foreign => None,
    }
}

fn folder(entry: Option<Entry>) -> Option<TreeId> {
    match entry?.node() {
        Node::Folder(tree) => Some(tree),
        Node::Module(_) | Node::Foreign => None,
    }
}
