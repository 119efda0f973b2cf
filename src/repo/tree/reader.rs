//! Reading trees: the entry at a path.
//!
//! Readers do not see entries that are neither regular files nor directories, or whose names are not legal in the store. Only other
//! programs write such entries.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use gix::bstr::{BStr, ByteSlice};
use gix::objs::TreeRef;
use gix::objs::tree::{EntryKind, name_order};

use crate::repo::error::{Error, Result};
use crate::repo::objects::copies::read_object;
use crate::repo::objects::db::ObjectDb;
use crate::repo::tree::encoded::{self, EncodedTrees};
use crate::repo::tree::entry::{TreeEntry, TreeNode};

/// The maximum number of entries of decoded trees that one operation keeps in memory. An entry takes about 100 bytes.
const ENTRIES_MAX: usize = 1 << 18;

/// The result of looking up a path.
pub(crate) enum Lookup {
    /// The path exists, and this is its entry.
    Found(TreeEntry),
    /// A parent path names an entry that is not a directory. Holds the length of the parent path in bytes, and that entry.
    Blocked(usize, TreeEntry),
    /// The path, or a parent directory of it, does not exist.
    Absent,
}

/// The source from which trees are read.
pub(crate) enum TreeSource<'r> {
    /// The handle of a write transaction. Its memory contains new trees that are not on the disk yet.
    Handle(&'r gix::Repository),
    /// The shared caches, and the object database for trees that no cache has. The handle is created when it is first needed.
    Cached(&'r ObjectDb, OnceCell<Box<gix::Repository>>),
}

impl<'r> TreeSource<'r> {
    /// Returns a source that reads through the shared caches.
    pub(crate) fn cached(objects: &'r ObjectDb) -> Self {
        Self::Cached(objects, OnceCell::new())
    }

    /// Returns a handle that can read the tree `id`.
    pub(crate) fn handle(&self, id: gix::ObjectId) -> Result<&gix::Repository> {
        match self {
            Self::Handle(repo) => Ok(repo),
            Self::Cached(objects, handle) => match handle.get() {
                Some(repo) => Ok(repo),
                None => {
                    let repo = objects.handle_for(id)?;
                    Ok(handle.get_or_init(|| Box::new(repo)))
                }
            },
        }
    }

    /// Returns the encoded tree if it is in the shared cache.
    pub(crate) fn cached_encoding(&self, id: &gix::ObjectId) -> Option<Arc<Vec<u8>>> {
        match self {
            Self::Handle(_) => None,
            Self::Cached(objects, _) => objects.caches.encoded.get(id),
        }
    }
}

/// Reads trees, and keeps them in memory, so that each is usually read and decoded once.
pub(crate) struct TreeReader<'r> {
    source: TreeSource<'r>,
    decoded: RefCell<HashMap<gix::ObjectId, Arc<gix::objs::Tree>>>,
    entries: Cell<usize>,
    encoded: EncodedTrees,
}

impl<'r> TreeReader<'r> {
    /// Returns a reader with a cache of its own, for one operation. The reader reads trees through the handle `repo`.
    pub(crate) fn new(repo: &'r gix::Repository) -> Self {
        Self::from(TreeSource::Handle(repo))
    }

    /// Returns a reader that shares the cache of decoded trees with all other operations.
    pub(crate) fn cached(objects: &'r ObjectDb) -> Self {
        Self::from(TreeSource::cached(objects))
    }

    fn from(source: TreeSource<'r>) -> Self {
        Self {
            source,
            decoded: RefCell::default(),
            entries: Cell::default(),
            encoded: EncodedTrees::default(),
        }
    }

    fn read(&self, id: gix::ObjectId) -> Result<Arc<gix::objs::Tree>> {
        load(self.source.handle(id)?, id).map(Arc::new)
    }

    /// Returns the decoded tree `id`: from a cache, otherwise reads and decodes it.
    pub(crate) fn load(&self, id: gix::ObjectId) -> Result<Arc<gix::objs::Tree>> {
        if let TreeSource::Cached(objects, _) = self.source {
            let trees = &objects.caches.trees;
            return trees.get_or_insert_with(&id, || self.read(id));
        }
        if let Some(tree) = self.decoded.borrow().get(&id) {
            return Ok(Arc::clone(tree));
        }
        let tree = self.read(id)?;
        let mut decoded = self.decoded.borrow_mut();
        self.entries.set(self.entries.get() + tree.entries.len());
        if self.entries.get() > ENTRIES_MAX {
            decoded.clear();
            self.entries.set(tree.entries.len());
        }
        decoded.insert(id, Arc::clone(&tree));
        Ok(tree)
    }

    /// Returns a decoded tree without adding it to the map `decoded`, for a caller that does not need it again.
    pub(super) fn load_once(&self, id: gix::ObjectId) -> Result<Arc<gix::objs::Tree>> {
        match self.source {
            TreeSource::Cached(..) => self.load(id),
            TreeSource::Handle(_) => self.read(id),
        }
    }

    /// Returns the entry at `path`. The empty path is the root of the tree.
    pub(crate) fn entry(&self, root: gix::ObjectId, path: &BStr) -> Result<Option<TreeEntry>> {
        Ok(match self.look_up(root, path)? {
            Lookup::Found(entry) => Some(entry),
            Lookup::Blocked(..) | Lookup::Absent => None,
        })
    }

    /// Returns the entry that prevents a file at `path`: its path, and its noun for an error message, such as `a directory`. The entry is a
    /// file where the path has a parent directory, or a directory, a symbolic link or a submodule at `path` itself. `None` if no entry
    /// prevents the file.
    pub(crate) fn obstacle(
        &self,
        root: gix::ObjectId,
        path: &BStr,
    ) -> Result<Option<(String, &'static str)>> {
        Ok(match self.look_up(root, path)? {
            Lookup::Found(entry) if matches!(entry.node(), TreeNode::Module(_)) => None,
            Lookup::Found(entry) => Some((format!("/{path}"), entry.noun())),
            Lookup::Blocked(end, entry) => {
                Some((format!("/{}", path[..end].as_bstr()), entry.noun()))
            }
            Lookup::Absent => None,
        })
    }

    fn look_up(&self, root: gix::ObjectId, path: &BStr) -> Result<Lookup> {
        look_up(root, path, |tree, name| self.find(tree, name))
    }

    /// Returns the entry `name` of the tree `id`.
    fn find(&self, id: gix::ObjectId, name: &BStr) -> Result<Option<TreeEntry>> {
        let is_decoded = match self.source {
            TreeSource::Cached(..) => true,
            TreeSource::Handle(_) => self.decoded.borrow().contains_key(&id),
        };
        if is_decoded || !self.encoded.should_search(id) {
            return Ok(find(&*self.load(id)?, name).map(TreeEntry::from));
        }
        encoded::find(&self.load_encoded(id)?, id.kind(), name)
    }

    /// Returns the encoded tree `id`: from a cache, otherwise reads it.
    pub(crate) fn load_encoded(&self, id: gix::ObjectId) -> Result<Arc<Vec<u8>>> {
        self.encoded.load(self.source.handle(id)?, id)
    }
}

/// Looks up `path` in the tree `root`. `find` returns the entry of a tree, given the tree's id and the entry's name.
pub(crate) fn look_up<E>(
    root: gix::ObjectId,
    path: &BStr,
    find: impl Fn(gix::ObjectId, &BStr) -> Result<Option<TreeEntry>, E>,
) -> Result<Lookup, E> {
    let mut current = TreeEntry {
        mode: EntryKind::Tree.into(),
        id: root,
    };
    let mut end = 0;
    for segment in path.split_str("/").filter(|segment| !segment.is_empty()) {
        if !current.mode.is_tree() {
            return Ok(Lookup::Blocked(end - 1, current));
        }
        match find(current.id, segment.as_bstr())? {
            Some(entry) => current = entry,
            None => return Ok(Lookup::Absent),
        }
        end += segment.len() + 1;
    }
    Ok(Lookup::Found(current))
}

/// Reads and decodes a tree.
pub(crate) fn load(repo: &gix::Repository, id: gix::ObjectId) -> Result<gix::objs::Tree> {
    if id.is_empty_tree() {
        return Ok(gix::objs::Tree::empty());
    }
    let object = read_object(repo, id, "read tree")?;
    Ok(parse_tree(&object.data, id)?.into())
}

/// Parses an encoded tree.
pub(crate) fn parse_tree(bytes: &[u8], id: gix::ObjectId) -> Result<TreeRef<'_>> {
    TreeRef::from_bytes(bytes, id.kind()).map_err(Error::database(format!("decode tree {id}")))
}

/// Finds the entry with this name by binary search. A directory sorts as if its name ended in a slash, so both sort positions are searched.
pub(crate) fn find<'t>(
    tree: &'t gix::objs::Tree,
    name: &BStr,
) -> Option<&'t gix::objs::tree::Entry> {
    [false, true].into_iter().find_map(|as_tree| {
        let order = |entry: &gix::objs::tree::Entry| {
            name_order(&entry.filename, entry.mode.is_tree(), name, as_tree)
        };
        tree.entries
            .binary_search_by(order)
            .ok()
            .map(|at| &tree.entries[at])
    })
}
