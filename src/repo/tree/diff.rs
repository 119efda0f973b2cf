//! The tree diff: a merge join of the sorted entries of two trees.
//!
//! gix's own diff is not used because it collects every change of the two trees: millions of them would have to stay in memory.

use std::cmp::Ordering;
use std::ops::ControlFlow;
use std::sync::Arc;

use gix::bstr::{BStr, BString};
use gix::objs::Tree;
use gix::objs::tree::EntryRef;

use crate::names::{ModuleHash, ModulePath, TreePath};
use crate::repo::error::Result;
use crate::repo::ids::TreeId;
use crate::repo::objects::db::ObjectDb;
use crate::repo::tree::entry::{TreeEntry, join_path};
use crate::repo::tree::reader::TreeReader;

/// One path whose module changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathChange {
    /// The path whose module changed.
    pub path: ModulePath,
    /// The module before the change; `None` if there was none.
    pub old: Option<ModuleHash>,
    /// The module after the change; `None` if there is none.
    pub new: Option<ModuleHash>,
}

/// A path whose entry differs between two trees. Directories are not listed, only the entries in them.
#[derive(Debug)]
pub(crate) struct EntryChange {
    pub path: BString,
    /// The entry in the old tree; `None` if there is none.
    pub old: Option<TreeEntry>,
    /// The entry in the new tree; `None` if there is none.
    pub new: Option<TreeEntry>,
}

/// The entries with the same name in two trees. At least one of them exists. Either both are directories or neither is: git sorts a
/// directory as if its name ended in a slash, so a file and a directory with the same name form two pairs.
pub(crate) struct EntryPair<'t> {
    pub name: &'t BStr,
    pub old: Option<TreeEntry>,
    pub new: Option<TreeEntry>,
}

/// Pairs the entries of two trees by name, in git's order, and skips the pairs of equal entries.
pub(crate) fn differing_pairs<'t>(
    old: impl Iterator<Item = EntryRef<'t>>,
    new: impl Iterator<Item = EntryRef<'t>>,
) -> impl Iterator<Item = EntryPair<'t>> {
    pairs(old, new).filter(|pair| pair.old != pair.new)
}

fn pairs<'t>(
    old: impl Iterator<Item = EntryRef<'t>>,
    new: impl Iterator<Item = EntryRef<'t>>,
) -> impl Iterator<Item = EntryPair<'t>> {
    let (mut old, mut new) = (old.peekable(), new.peekable());
    let next_pair = move || {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => old.cmp(new),
        };
        let before = old.next_if(|_| order.is_le());
        let after = new.next_if(|_| order.is_ge());
        let name = before.or(after)?.filename;
        Some(EntryPair {
            name,
            old: before.as_ref().map(TreeEntry::from),
            new: after.as_ref().map(TreeEntry::from),
        })
    };
    std::iter::from_fn(next_pair)
}

/// Pairs the entries of two decoded trees, and skips the pairs of equal entries. A tree that is `None` is the empty tree.
fn differing_entries<'t>(
    old: &'t Option<Arc<Tree>>,
    new: &'t Option<Arc<Tree>>,
) -> impl Iterator<Item = EntryPair<'t>> {
    all_entries(old, new).filter(|pair| pair.old != pair.new)
}

fn all_entries<'t>(
    old: &'t Option<Arc<Tree>>,
    new: &'t Option<Arc<Tree>>,
) -> impl Iterator<Item = EntryPair<'t>> {
    let entries = |tree: &'t Option<Arc<Tree>>| tree.iter().flat_map(|tree| &tree.entries);
    pairs(
        entries(old).map(EntryRef::from),
        entries(new).map(EntryRef::from),
    )
}

impl ObjectDb {
    /// Returns the modules that differ between two trees, sorted by path. A tree that is `None` is the empty tree.
    pub fn diff(&self, old: Option<TreeId>, new: Option<TreeId>) -> Result<Vec<PathChange>> {
        let mut changes = Vec::new();
        self.walk_changes(old, new, &TreePath::root(), None, |change| {
            changes.push(change);
            ControlFlow::<()>::Continue(())
        })?;
        Ok(changes)
    }

    /// Calls `visit` for every path at or below `at` whose module differs between two trees, in the order of the paths, until `visit`
    /// returns `Break`. Skips the paths up to and including `after`. A tree that is `None` is the empty tree. Returns the value in `Break`;
    /// `None` if every path was visited.
    pub fn walk_changes<B>(
        &self,
        old: Option<TreeId>,
        new: Option<TreeId>,
        at: &TreePath,
        after: Option<&ModulePath>,
        mut visit: impl FnMut(PathChange) -> ControlFlow<B>,
    ) -> Result<Option<B>> {
        let trees = TreeReader::cached(self);
        let entry = |tree: Option<TreeId>| match tree {
            Some(tree) => trees.entry(tree.0, at.as_str().into()),
            None => Ok(None),
        };
        let (old_entry, new_entry) = (entry(old)?, entry(new)?);
        let flow = walk_entry(&trees, at, after, (old_entry, new_entry), &mut visit)?;
        Ok(flow.break_value())
    }
}

/// Visits the changes at and below `path`, except at the paths up to and including `after`.
fn walk_entry<B>(
    trees: &TreeReader<'_>,
    path: &TreePath,
    after: Option<&ModulePath>,
    (old, new): (Option<TreeEntry>, Option<TreeEntry>),
    visit: &mut dyn FnMut(PathChange) -> ControlFlow<B>,
) -> Result<ControlFlow<B>> {
    if old == new {
        return Ok(ControlFlow::Continue(()));
    }
    let module = |entry: Option<TreeEntry>| entry.and_then(|entry| entry.module());
    let (old_module, new_module) = (module(old), module(new));
    if old_module != new_module
        && let Ok(path) = ModulePath::try_from(path.clone())
        && after.is_none_or(|after| *after < path)
    {
        let flow = visit(PathChange {
            path,
            old: old_module,
            new: new_module,
        });
        if flow.is_break() {
            return Ok(flow);
        }
    }
    if after.is_some_and(|after| is_before(path, after)) {
        return Ok(ControlFlow::Continue(()));
    }
    let load = |entry: Option<TreeEntry>| {
        let tree = entry.and_then(|entry| entry.directory());
        tree.map(|tree| trees.load(tree.0)).transpose()
    };
    let (old_tree, new_tree) = (load(old)?, load(new)?);
    for pair in differing_entries(&old_tree, &new_tree) {
        // Entries with names that the store does not accept are not visible to readers.
        let Some(path) = TreePath::from_entry(path, pair.name) else {
            continue;
        };
        let flow = walk_entry(trees, &path, after, (pair.old, pair.new), visit)?;
        if flow.is_break() {
            return Ok(flow);
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Returns whether all paths below a directory sort before `after`. Such a directory need not be read.
fn is_before(directory: &TreePath, after: &ModulePath) -> bool {
    let (directory, after) = (directory.as_str(), after.as_str());
    if directory.is_empty() {
        return false;
    }
    // The paths below a directory begin with its name and a slash.
    let below = directory.bytes().chain([b'/']);
    below.cmp(after.bytes().take(directory.len() + 1)).is_lt()
}

/// Returns the paths whose entries differ between two trees, including paths that the store does not accept. Directories are not listed.
pub(crate) fn entry_changes(
    trees: &TreeReader<'_>,
    old: gix::ObjectId,
    new: gix::ObjectId,
) -> Result<Vec<EntryChange>> {
    changes_if(trees, (old, new), |pair| pair.old != pair.new)
}

/// Returns the same as [`entry_changes`], and also the paths whose entries differ only in the executable bit.
pub(crate) fn entry_and_mode_changes(
    trees: &TreeReader<'_>,
    old: gix::ObjectId,
    new: gix::ObjectId,
) -> Result<Vec<EntryChange>> {
    changes_if(trees, (old, new), |pair| !is_identical(pair.old, pair.new))
}

/// Returns whether two entries name the same object and have the same mode.
pub(crate) fn is_identical(one: Option<TreeEntry>, other: Option<TreeEntry>) -> bool {
    let parts = |entry: TreeEntry| (entry.id, entry.mode);
    one.map(parts) == other.map(parts)
}

fn changes_if(
    trees: &TreeReader<'_>,
    (old, new): (gix::ObjectId, gix::ObjectId),
    is_changed: impl Fn(&EntryPair<'_>) -> bool,
) -> Result<Vec<EntryChange>> {
    let mut changes = Vec::new();
    let mut todo = vec![(Vec::new(), Some(old), Some(new))];
    while let Some((dir, old, new)) = todo.pop() {
        if old == new {
            continue;
        }
        let load = |tree: Option<gix::ObjectId>| tree.map(|tree| trees.load(tree)).transpose();
        let (old_tree, new_tree) = (load(old)?, load(new)?);
        for pair in all_entries(&old_tree, &new_tree).filter(&is_changed) {
            let path = join_path(&dir, pair.name);
            if pair
                .old
                .or(pair.new)
                .is_some_and(|entry| entry.mode.is_tree())
            {
                let id = |entry: Option<TreeEntry>| entry.map(|entry| entry.id);
                todo.push((path, id(pair.old), id(pair.new)));
            } else {
                changes.push(EntryChange {
                    path: path.into(),
                    old: pair.old,
                    new: pair.new,
                });
            }
        }
    }
    Ok(changes)
}
