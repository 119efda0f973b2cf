//! Trees: what stands at a path, which modules are below it.
//!
//! Entries of a foreign repository that are no regular files with legal names are not seen from here.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use gix::bstr::{BStr, ByteSlice};
use gix::objs::tree::{EntryKind, name_order};

use crate::names::{ModuleHash, ModulePath, TreePath};
use crate::repo::error::{Error, Result};
use crate::repo::objects::db::ObjectDb;
use crate::repo::tree::entry::{Entry, Node};

/// How many entries of decoded trees one operation keeps; an entry takes about 100 bytes.
const ENTRIES_MAX: usize = 1 << 18;

/// How the way to a path went.
pub(crate) enum Way {
    /// Something stands there.
    Arrived(Entry),
    /// The first so many bytes of the path lead to something that is no folder.
    Blocked(usize, Entry),
    /// Nothing stands there, or on the way.
    Ended,
}

/// Reads trees, each decoded once per operation.
pub(crate) struct Trees<'r> {
    source: Source<'r>,
    decoded: RefCell<HashMap<gix::ObjectId, Arc<gix::objs::Tree>>>,
    entries: Cell<usize>,
}

/// Where trees come from.
enum Source<'r> {
    /// A change's handle, which has new ones in memory.
    Handle(&'r gix::Repository),
    /// What earlier operations decoded, and the store, for which a handle is made when it is needed.
    Caches(&'r ObjectDb, OnceCell<Box<gix::Repository>>),
}

impl<'r> Trees<'r> {
    /// A reader without memory of earlier operations.
    pub(crate) fn new(repo: &'r gix::Repository) -> Self {
        Self::from(Source::Handle(repo))
    }

    /// A reader that remembers what others decoded, and they what it decodes.
    pub(crate) fn remembering(repository: &'r ObjectDb) -> Self {
        Self::from(Source::Caches(repository, OnceCell::new()))
    }

    fn from(source: Source<'r>) -> Self {
        Self {
            source,
            decoded: RefCell::default(),
            entries: Cell::default(),
        }
    }

    fn read(&self, id: gix::ObjectId) -> Result<Arc<gix::objs::Tree>> {
        let repo: &gix::Repository = match &self.source {
            Source::Handle(repo) => repo,
            Source::Caches(repository, made) => match made.get() {
                Some(repo) => repo,
                None => {
                    let repo = repository.handle_for(id)?;
                    made.get_or_init(|| Box::new(repo))
                }
            },
        };
        load(repo, id).map(Arc::new)
    }

    /// Decodes a tree.
    pub(crate) fn load(&self, id: gix::ObjectId) -> Result<Arc<gix::objs::Tree>> {
        if let Source::Caches(repository, _) = self.source {
            let trees = &repository.caches.trees;
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

    /// Decodes a tree that this operation is not going to ask for again.
    fn load_once(&self, id: gix::ObjectId) -> Result<Arc<gix::objs::Tree>> {
        match self.source {
            Source::Caches(..) => self.load(id),
            Source::Handle(_) => self.read(id),
        }
    }

    /// The entry at `path`; the root of the tree stands at the empty path.
    pub(crate) fn entry(&self, root: gix::ObjectId, path: &BStr) -> Result<Option<Entry>> {
        Ok(match self.descend(root, path)? {
            Way::Arrived(entry) => Some(entry),
            Way::Blocked(..) | Way::Ended => None,
        })
    }

    /// What keeps `path` from being written as a file: a file on the way to it, or a folder or foreign entry in its place.
    pub(crate) fn obstacle(
        &self,
        root: gix::ObjectId,
        path: &BStr,
    ) -> Result<Option<(String, &'static str)>> {
        Ok(match self.descend(root, path)? {
            Way::Arrived(entry) if matches!(entry.node(), Node::Module(_)) => None,
            Way::Arrived(entry) => Some((format!("/{path}"), entry.noun())),
            Way::Blocked(at, entry) => Some((format!("/{}", path[..at].as_bstr()), entry.noun())),
            Way::Ended => None,
        })
    }

    fn descend(&self, root: gix::ObjectId, path: &BStr) -> Result<Way> {
        descend(root, path, |tree| self.load(tree))
    }

    /// Calls `visit` for every module below `at` whose path sorts after `after`, sorted by path; git's order of a tree's entries is
    /// that of the full paths.
    pub(crate) fn walk<B>(
        &self,
        root: gix::ObjectId,
        at: &TreePath,
        after: Option<&str>,
        visit: &mut dyn FnMut(ModulePath, ModuleHash) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>> {
        match self
            .entry(root, at.as_str().into())?
            .map(|entry| entry.node())
        {
            Some(Node::Folder(tree)) => self.walk_folder(tree.0, at, after, visit),
            _ => Ok(ControlFlow::Continue(())),
        }
    }

    fn walk_folder<B>(
        &self,
        tree: gix::ObjectId,
        at: &TreePath,
        after: Option<&str>,
        visit: &mut dyn FnMut(ModulePath, ModuleHash) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>> {
        for entry in &self.load_once(tree)?.entries {
            let Some(path) = std::str::from_utf8(&entry.filename)
                .ok()
                .and_then(|name| at.join(name).ok())
            else {
                continue;
            };
            if after.is_some_and(|after| is_before(path.as_str(), entry.mode.is_tree(), after)) {
                continue;
            }
            let flow = match (Entry {
                mode: entry.mode,
                id: entry.oid,
            })
            .node()
            {
                Node::Folder(tree) => self.walk_folder(tree.0, &path, after, visit)?,
                Node::Module(hash) => match ModulePath::try_from(path) {
                    Ok(path) => visit(path, hash),
                    Err(_) => continue,
                },
                Node::Foreign => continue,
            };
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Whether nothing at `path`, or below it if it is a directory, sorts after `after`.
fn is_before(path: &str, is_folder: bool, after: &str) -> bool {
    match is_folder {
        false => path <= after,
        // What is below sorts after `path/`; all of it before `path0`, as `0` follows the slash.
        true => !after.starts_with(&format!("{path}/")) && format!("{path}/").as_str() < after,
    }
}

/// Goes from `root` down to `path`, through the trees that `load` gives.
pub(crate) fn descend<E>(
    root: gix::ObjectId,
    path: &BStr,
    load: impl Fn(gix::ObjectId) -> Result<Arc<gix::objs::Tree>, E>,
) -> Result<Way, E> {
    let mut current = Entry {
        mode: EntryKind::Tree.into(),
        id: root,
    };
    let mut at = 0;
    for segment in path.split_str("/").filter(|segment| !segment.is_empty()) {
        if !current.mode.is_tree() {
            return Ok(Way::Blocked(at - 1, current));
        }
        match find(&*load(current.id)?, segment.as_bstr()) {
            Some(entry) => {
                current = Entry {
                    mode: entry.mode,
                    id: entry.oid,
                }
            }
            None => return Ok(Way::Ended),
        }
        at += segment.len() + 1;
    }
    Ok(Way::Arrived(current))
}

/// Decodes a tree.
pub(crate) fn load(repo: &gix::Repository, id: gix::ObjectId) -> Result<gix::objs::Tree> {
    if id.is_empty_tree() {
        return Ok(gix::objs::Tree::empty());
    }
    let object = repo
        .try_find_object(id)
        .map_err(Error::database(format!("read tree {id}")))?;
    let object = object.ok_or_else(|| Error::Missing { id: id.to_string() })?;
    let tree = gix::objs::TreeRef::from_bytes(&object.data, repo.object_hash());
    Ok(tree
        .map_err(Error::database(format!("understand tree {id}")))?
        .into())
}

/// The entry of that name, by bisection; a folder sorts as if its name ended in a slash.
fn find<'t>(tree: &'t gix::objs::Tree, name: &BStr) -> Option<&'t gix::objs::tree::Entry> {
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
