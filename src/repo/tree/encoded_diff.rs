//! Comparing the trees of whole histories, for the version index.
//!
//! Trees are compared in their encoded form: decoding them would take most of the time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use gix::bstr::ByteSlice;

use crate::names::ModuleHash;
use crate::repo::error::Result;
use crate::repo::ids::TreeId;
use crate::repo::objects::db::ObjectDb;
use crate::repo::tree::diff::differing_pairs;
use crate::repo::tree::encoded::read_encoded;
use crate::repo::tree::entry::{TreeEntry, join_path};
use crate::repo::tree::extent::TreeWeight;
use crate::repo::tree::reader::{TreeSource, parse_tree};

/// The maximum number of bytes of encoded trees that are kept for the next comparisons.
const BYTES_MAX: usize = 32 << 20;

/// A path where two trees differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeChange {
    /// The path as git stores it; it may have names that the store does not accept. The path of the root is empty.
    pub path: Vec<u8>,
    /// The module in the old tree; `None` if there is none.
    pub old: Option<ModuleHash>,
    /// The module in the new tree; `None` if there is none.
    pub new: Option<ModuleHash>,
}

/// The number and the length of the paths at which two trees differ, and how many tree entries name them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiffExtent {
    /// The paths. A tree that occurs at several paths counts at each of them.
    pub weight: TreeWeight,
    /// The number of entries that differ in all pairs of trees that were compared, each pair counted once.
    pub entries: u64,
}

/// Compares trees. Keeps the encoded trees in memory, so that each is usually read once.
pub struct TreeDiffer<'r> {
    source: TreeSource<'r>,
    encoded: RefCell<HashMap<gix::ObjectId, Arc<Vec<u8>>>>,
    encoded_bytes: RefCell<usize>,
}

/// A directory that differs: its path, and the ids of its old and its new tree. An id is `None` if the directory does not exist.
type DirectoryPair = (Vec<u8>, Option<gix::ObjectId>, Option<gix::ObjectId>);

/// The ids of an old and a new tree. An id is `None` for the empty tree.
type TreePair = (Option<gix::ObjectId>, Option<gix::ObjectId>);

fn tree_pair(old: Option<TreeId>, new: TreeId) -> TreePair {
    let id = |tree: TreeId| Some(tree.0).filter(|tree| !tree.is_empty_tree());
    (old.and_then(id), id(new))
}

impl ObjectDb {
    /// Returns a differ for trees of the store.
    pub fn tree_differ(&self) -> TreeDiffer<'_> {
        TreeDiffer::new(TreeSource::cached(self))
    }
}

impl<'r> TreeDiffer<'r> {
    /// Returns a differ for trees that the handle of a write transaction finds, including new trees in the memory of the handle.
    pub(crate) fn with_handle(repo: &'r gix::Repository) -> Self {
        Self::new(TreeSource::Handle(repo))
    }

    fn new(source: TreeSource<'r>) -> Self {
        Self {
            source,
            encoded: RefCell::default(),
            encoded_bytes: RefCell::default(),
        }
    }

    /// Returns every path at which two trees differ, including directories and the root, sorted and without duplicates. If `old` is `None`,
    /// compares with the empty tree.
    pub fn changes(&self, old: Option<TreeId>, new: TreeId) -> Result<Vec<TreeChange>> {
        let changes = self.changes_up_to(old, new, usize::MAX)?;
        Ok(changes.expect("BUG: the number of changes is not limited"))
    }

    /// Returns the same as [`changes`](Self::changes); `None` if there are more than about `max` changes.
    pub fn changes_up_to(
        &self,
        old: Option<TreeId>,
        new: TreeId,
        max: usize,
    ) -> Result<Option<Vec<TreeChange>>> {
        let mut changes = Vec::new();
        let (old, new) = tree_pair(old, new);
        let mut todo = vec![(Vec::new(), old, new)];
        while let Some((dir, old, new)) = todo.pop() {
            if old == new {
                continue;
            }
            if changes.len() > max {
                return Ok(None);
            }
            self.compare_dir(&dir, old, new, &mut todo, &mut changes)?;
            changes.push(TreeChange {
                path: dir,
                old: None,
                new: None,
            });
        }
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        // If a directory replaced a module, or the reverse, there are two elements for the path.
        changes.dedup_by(|later, first| {
            let is_same = later.path == first.path;
            if is_same {
                first.old = first.old.or(later.old);
                first.new = first.new.or(later.new);
            }
            is_same
        });
        Ok(Some(changes))
    }

    /// Returns the extent of the changes between two trees, without the root. Compares each pair of trees once, whatever the number of its
    /// paths.
    pub fn extent(&self, old: Option<TreeId>, new: TreeId) -> Result<DiffExtent> {
        let (mut known, mut entries) = (HashMap::<TreePair, TreeWeight>::new(), 0);
        let root = tree_pair(old, new);
        if root.0 == root.1 {
            return Ok(DiffExtent::default());
        }
        // Not recursive: a chain of nested trees can be deeper than the stack.
        let mut todo = vec![root];
        while let Some(pair) = todo.last().copied() {
            if known.contains_key(&pair) {
                todo.pop();
                continue;
            }
            let (mut below, mut files) = (Vec::new(), Vec::new());
            self.compare_dir(b"", pair.0, pair.1, &mut below, &mut files)?;
            let pairs = below.iter().map(|(_, old, new)| (*old, *new));
            let unknown: Vec<_> = pairs.filter(|pair| !known.contains_key(pair)).collect();
            if unknown.is_empty() {
                let mut weight = TreeWeight::default();
                for file in &files {
                    weight.add(file.path.len() as u64, TreeWeight::default());
                }
                for (name, old, new) in &below {
                    weight.add(name.len() as u64, known[&(*old, *new)]);
                }
                entries += (files.len() + below.len()) as u64;
                known.insert(pair, weight);
            }
            todo.extend(unknown);
        }
        Ok(DiffExtent {
            weight: known[&root],
            entries,
        })
    }

    /// Returns the module at a path of a tree; `None` if there is none.
    pub fn module_at(&self, tree: TreeId, path: &[u8]) -> Result<Option<ModuleHash>> {
        let mut dir = Some(tree.0);
        let mut names = path.split_str("/").peekable();
        while let (Some(id), Some(name)) = (dir, names.next()) {
            let bytes = self.load(dir)?;
            let tree = parse_tree(&bytes, id)?;
            let is_last = names.peek().is_none();
            let found = tree.bisect_entry(name.as_bstr(), !is_last);
            match found {
                Some(file) if is_last => return Ok(TreeEntry::from(&file).module()),
                subdir => dir = subdir.map(|subdir| subdir.oid.to_owned()),
            }
        }
        Ok(None)
    }

    /// Compares the entries of one directory, and adds the subdirectories that differ to `todo`.
    fn compare_dir(
        &self,
        dir: &[u8],
        old: Option<gix::ObjectId>,
        new: Option<gix::ObjectId>,
        todo: &mut Vec<DirectoryPair>,
        changes: &mut Vec<TreeChange>,
    ) -> Result<()> {
        let id = old.or(new).expect("BUG: the trees differ");
        let (old_bytes, new_bytes) = (self.load(old)?, self.load(new)?);
        let (old_tree, new_tree) = (parse_tree(&old_bytes, id)?, parse_tree(&new_bytes, id)?);
        let pairs = differing_pairs(
            old_tree.entries.iter().copied(),
            new_tree.entries.iter().copied(),
        );
        for pair in pairs {
            let path = join_path(dir, pair.name);
            let is_dir = pair
                .old
                .or(pair.new)
                .is_some_and(|entry| entry.mode.is_tree());
            if is_dir {
                let id = |entry: Option<TreeEntry>| entry.map(|entry| entry.id);
                todo.push((path, id(pair.old), id(pair.new)));
            } else {
                let module = |entry: Option<TreeEntry>| entry.and_then(|entry| entry.module());
                changes.push(TreeChange {
                    path,
                    old: module(pair.old),
                    new: module(pair.new),
                });
            }
        }
        Ok(())
    }

    /// Returns an encoded tree. The id `None` is the empty tree.
    fn load(&self, id: Option<gix::ObjectId>) -> Result<Arc<Vec<u8>>> {
        let Some(id) = id.filter(|id| !id.is_empty_tree()) else {
            return Ok(Arc::default());
        };
        if let Some(bytes) = self.encoded.borrow().get(&id) {
            return Ok(Arc::clone(bytes));
        }
        let bytes = match self.source.cached_encoding(&id) {
            Some(bytes) => bytes,
            None => read_encoded(self.source.handle(id)?, id)?,
        };
        let (mut encoded, mut total) = (self.encoded.borrow_mut(), self.encoded_bytes.borrow_mut());
        *total += bytes.len();
        if *total > BYTES_MAX {
            encoded.clear();
            *total = bytes.len();
        }
        encoded.insert(id, Arc::clone(&bytes));
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
