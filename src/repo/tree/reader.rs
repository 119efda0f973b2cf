//! Reading trees: the entry at a path, and the modules below a directory.
//!
//! Readers do not see entries that are neither regular files nor directories, or whose names are not legal in the store. Only other
//! programs write such entries.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use gix::bstr::{BStr, ByteSlice};
use gix::objs::TreeRef;
use gix::objs::tree::{EntryKind, name_order};

use crate::names::{ModuleHash, ModulePath, TreePath};
use crate::repo::error::{Error, Result};
use crate::repo::objects::db::ObjectDb;
use crate::repo::tree::entry::{TreeEntry, TreeNode};

/// How many entries of decoded trees one operation keeps; an entry takes about 100 bytes.
const ENTRIES_MAX: usize = 1 << 18;

/// The result of looking up a path.
pub(crate) enum Lookup {
    /// The path has this entry.
    Found(TreeEntry),
    /// A proper prefix of the path names an entry that is not a directory. Holds the length of the prefix in bytes, and the entry.
    Blocked(usize, TreeEntry),
    /// The path, or a parent directory of it, does not exist.
    Absent,
}

/// The source from which trees are read.
pub(crate) enum TreeSource<'r> {
    /// A transaction's handle, which has new trees in memory.
    Handle(&'r gix::Repository),
    /// The caches, and the object database, for which a handle is made when it is needed.
    Cached(&'r ObjectDb, OnceCell<Box<gix::Repository>>),
}

impl<'r> TreeSource<'r> {
    /// Reads through the caches of the object database.
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

    /// Returns the encoded tree if it is in the cache.
    pub(crate) fn cached_encoding(&self, id: &gix::ObjectId) -> Option<Arc<Vec<u8>>> {
        match self {
            Self::Handle(_) => None,
            Self::Cached(objects, _) => objects.caches.encoded.get(id),
        }
    }
}

/// Reads trees, and decodes each of them once.
pub(crate) struct TreeReader<'r> {
    source: TreeSource<'r>,
    decoded: RefCell<HashMap<gix::ObjectId, Arc<gix::objs::Tree>>>,
    entries: Cell<usize>,
}

impl<'r> TreeReader<'r> {
    /// Returns a reader that caches trees for one operation.
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
        }
    }

    fn read(&self, id: gix::ObjectId) -> Result<Arc<gix::objs::Tree>> {
        load(self.source.handle(id)?, id).map(Arc::new)
    }

    /// Returns a decoded tree.
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

    /// Returns a decoded tree without keeping it in `decoded`, for a caller that does not need it again.
    fn load_once(&self, id: gix::ObjectId) -> Result<Arc<gix::objs::Tree>> {
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

    /// Returns the path and the noun of the entry that prevents a file at `path`: a file at one of its parent directories, or a
    /// directory, a symbolic link or a submodule at the path itself.
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
        look_up(root, path, |tree| self.load(tree))
    }

    /// Calls `visit` for every module below `at` whose path sorts after `after`, sorted by path, until `visit` returns `Break`. No sorting
    /// is needed: git's order of the entries of each tree results in the order of the full paths.
    pub(crate) fn walk<B>(
        &self,
        root: gix::ObjectId,
        at: &TreePath,
        after: Option<&str>,
        visit: &mut dyn FnMut(ModulePath, ModuleHash) -> ControlFlow<B>,
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
        visit: &mut dyn FnMut(ModulePath, ModuleHash) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>> {
        let tree = self.load_once(tree)?;
        let start = after.map_or(0, |after| count_before(&tree.entries, at, after));
        for entry in &tree.entries[start..] {
            let Some(path) = TreePath::from_entry(at, &entry.filename) else {
                continue;
            };
            let flow = match TreeEntry::from(entry).node() {
                TreeNode::Directory(tree) => self.walk_dir(tree.0, &path, after, visit)?,
                TreeNode::Module(hash) => match ModulePath::try_from(path) {
                    Ok(path) => visit(path, hash),
                    Err(_) => continue,
                },
                TreeNode::Foreign => continue,
            };
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Returns the number of entries of the directory `at` that sort before or at the path `after`, together with everything below them. The
/// search is binary, because a long list is read in pages, and each page begins with this search.
fn count_before(entries: &[gix::objs::tree::Entry], at: &TreePath, after: &str) -> usize {
    let below = if at.is_root() {
        Some(after)
    } else {
        let rest = after.strip_prefix(at.as_str());
        rest.and_then(|rest| rest.strip_prefix('/'))
    };
    match below {
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

/// Looks up `path` in the tree `root`, through the trees that `load` returns.
pub(crate) fn look_up<E>(
    root: gix::ObjectId,
    path: &BStr,
    load: impl Fn(gix::ObjectId) -> Result<Arc<gix::objs::Tree>, E>,
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
        match find(&*load(current.id)?, segment.as_bstr()) {
            Some(entry) => current = TreeEntry::from(entry),
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
    let object = repo
        .try_find_object(id)
        .map_err(Error::database(format!("read tree {id}")))?
        .ok_or_else(|| Error::Missing { id: id.to_string() })?;
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
