//! What a commit changed: modules, and the folders on the way to them.

use std::cmp::Ordering;

use gix::bstr::ByteSlice;
use gix::objs::tree::Entry as TreeEntry;

use super::draft::Draft;
use super::entry::{Entry, Node, TreeId};
use super::error::Result;
use super::open::Repository;
use super::trees::Trees;
use crate::names::ModuleHash;

/// A path where two trees differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The path, as git has it: it may be none that is legal here. The root is empty.
    pub path: Vec<u8>,
    /// The module before; `None` if there was none.
    pub old: Option<ModuleHash>,
    /// The module after; `None` if there is none.
    pub new: Option<ModuleHash>,
}

/// Compares trees, each decoded once.
pub struct Differ<'r>(Trees<'r>);

impl Repository {
    /// Compares trees.
    pub fn differ(&self) -> Differ<'_> {
        Differ(Trees::remembering(self))
    }
}

impl Differ<'_> {
    /// Every path where two trees differ, folders and the root included, sorted, each once; `None` is the empty tree.
    pub fn changed(&self, old: Option<TreeId>, new: TreeId) -> Result<Vec<Changed>> {
        self.0.changed(old, new)
    }

    /// The module at a path of a tree.
    pub fn module_at(&self, tree: TreeId, path: &[u8]) -> Result<Option<ModuleHash>> {
        let entry = self.0.entry(tree.0, path.as_bstr())?;
        Ok(entry.and_then(module))
    }
}

impl Draft<'_> {
    /// Every path where the draft differs from a tree.
    pub fn changed_since(&self, old: TreeId) -> Result<Vec<Changed>> {
        self.trees.changed(Some(old), self.tree())
    }
}

impl Trees<'_> {
    fn changed(&self, old: Option<TreeId>, new: TreeId) -> Result<Vec<Changed>> {
        let mut changed = Vec::new();
        let old = old.map(|tree| tree.0).filter(|tree| !tree.is_empty_tree());
        let new = Some(new.0).filter(|tree| !tree.is_empty_tree());
        let mut todo = vec![(Vec::new(), old, new)];
        while let Some((folder, old, new)) = todo.pop() {
            if old == new {
                continue;
            }
            self.changed_in(&folder, old, new, &mut todo, &mut changed)?;
            changed.push(Changed {
                path: folder,
                old: None,
                new: None,
            });
        }
        changed.sort_by(|a, b| a.path.cmp(&b.path));
        // Where a module gave way to a folder, or the reverse, both tell of the path.
        changed.dedup_by(|later, first| {
            let is_same = later.path == first.path;
            if is_same {
                first.old = first.old.or(later.old);
                first.new = first.new.or(later.new);
            }
            is_same
        });
        Ok(changed)
    }

    /// Compares the entries of one folder; the folders in it that differ are to be compared next.
    fn changed_in(
        &self,
        folder: &[u8],
        old: Option<gix::ObjectId>,
        new: Option<gix::ObjectId>,
        todo: &mut Vec<(Vec<u8>, Option<gix::ObjectId>, Option<gix::ObjectId>)>,
        changed: &mut Vec<Changed>,
    ) -> Result<()> {
        let load = |id: Option<gix::ObjectId>| id.map(|id| self.load(id)).transpose();
        let (old, new) = (load(old)?, load(new)?);
        let entries = |tree| <Option<_> as IntoIterator>::into_iter(tree);
        let mut old = entries(old.as_deref())
            .flat_map(|tree| &tree.entries)
            .peekable();
        let mut new = entries(new.as_deref())
            .flat_map(|tree| &tree.entries)
            .peekable();
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.cmp(new),
            };
            let before = old.next_if(|_| order.is_le());
            let after = new.next_if(|_| order.is_ge());
            let (was, is) = (before.map(entry), after.map(entry));
            if was == is {
                continue;
            }
            let name = before.or(after).map(|entry| entry.filename.as_slice());
            let path = join(folder, name.unwrap_or_default());
            let tree = |entry: Option<Entry>| entry.filter(|entry| entry.mode.is_tree());
            match (tree(was), tree(is)) {
                (None, None) => changed.push(Changed {
                    path,
                    old: was.and_then(module),
                    new: is.and_then(module),
                }),
                (was, is) => todo.push((path, was.map(|e| e.id), is.map(|e| e.id))),
            }
        }
    }
}

fn entry(entry: &TreeEntry) -> Entry {
    Entry {
        mode: entry.mode,
        id: entry.oid,
    }
}

fn module(entry: Entry) -> Option<ModuleHash> {
    match entry.node() {
        Node::Module(hash) => Some(hash),
        Node::Folder(_) | Node::Foreign => None,
    }
}

fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    match folder {
        [] => name.to_vec(),
        folder => [folder, b"/", name].concat(),
    }
}
