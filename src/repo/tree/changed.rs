//! What a commit changed: modules, and the folders on the way to them.
//!
//! Whole histories are compared here, so trees are looked at as they are stored, and not decoded into something else.

use std::cell::{OnceCell, RefCell};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use gix::bstr::ByteSlice;
use gix::objs::TreeRef;
use gix::objs::tree::EntryRef;

use crate::names::ModuleHash;
use crate::repo::error::{Error, Result};
use crate::repo::objects::db::ObjectDb;
use crate::repo::tree::entry::{Entry, Node, TreeId};

/// How many bytes of trees are kept to be compared with the next ones.
const BYTES_MAX: usize = 32 << 20;

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

/// Compares trees, each read once.
pub struct Differ<'r> {
    source: Source<'r>,
    read: RefCell<HashMap<gix::ObjectId, Arc<Vec<u8>>>>,
    read_bytes: RefCell<usize>,
}

/// Where trees come from.
enum Source<'r> {
    /// A change's handle, which has new ones in memory.
    Handle(&'r gix::Repository),
    /// What was written lately, and the store, for which a handle is made when it is needed.
    Store(&'r ObjectDb, OnceCell<Box<gix::Repository>>),
}

/// A folder, before and after.
type Pair = (Vec<u8>, Option<gix::ObjectId>, Option<gix::ObjectId>);

impl ObjectDb {
    /// Compares trees of the store.
    pub fn differ(&self) -> Differ<'_> {
        Differ::from(Source::Store(self, OnceCell::new()))
    }
}

impl<'r> From<Source<'r>> for Differ<'r> {
    fn from(source: Source<'r>) -> Self {
        Self {
            source,
            read: RefCell::default(),
            read_bytes: RefCell::default(),
        }
    }
}

impl<'r> Differ<'r> {
    /// Compares trees that a change's handle finds, new ones in its memory included.
    pub(crate) fn with_handle(repo: &'r gix::Repository) -> Self {
        Self::from(Source::Handle(repo))
    }

    /// Every path where two trees differ, folders and the root included, sorted, each once; `None` is the empty tree.
    pub fn changed(&self, old: Option<TreeId>, new: TreeId) -> Result<Vec<Changed>> {
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

    /// The module at a path of a tree.
    pub fn module_at(&self, tree: TreeId, path: &[u8]) -> Result<Option<ModuleHash>> {
        let mut at = Some(tree.0);
        let mut names = path.split_str("/").peekable();
        while let (Some(tree), Some(name)) = (at, names.next()) {
            let bytes = self.load(at)?;
            let tree = understand(&bytes, tree)?;
            let is_last = names.peek().is_none();
            let found = tree.bisect_entry(name.as_bstr(), !is_last);
            match found {
                Some(file) if is_last => return Ok(module(entry(&file))),
                folder => at = folder.map(|folder| folder.oid.to_owned()),
            }
        }
        Ok(None)
    }

    /// Compares the entries of one folder; the folders in it that differ are to be compared next.
    fn changed_in(
        &self,
        folder: &[u8],
        old: Option<gix::ObjectId>,
        new: Option<gix::ObjectId>,
        todo: &mut Vec<Pair>,
        changed: &mut Vec<Changed>,
    ) -> Result<()> {
        let id = old.or(new).expect("BUG: they differ");
        let (old, new) = (self.load(old)?, self.load(new)?);
        let (old, new) = (understand(&old, id)?.entries, understand(&new, id)?.entries);
        let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
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
            let name = before.or(after).map(|entry| entry.filename.as_bytes());
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

    /// A tree as it is stored; `None` is the empty one.
    fn load(&self, id: Option<gix::ObjectId>) -> Result<Arc<Vec<u8>>> {
        let Some(id) = id.filter(|id| !id.is_empty_tree()) else {
            return Ok(Arc::default());
        };
        if let Some(bytes) = self.read.borrow().get(&id) {
            return Ok(Arc::clone(bytes));
        }
        let bytes = match &self.source {
            Source::Handle(repo) => read(repo, id)?,
            Source::Store(repository, handle) => {
                match (repository.caches.encoded.get(&id), handle.get()) {
                    (Some(bytes), _) => bytes,
                    (None, Some(handle)) => read(handle, id)?,
                    (None, None) => {
                        let made = repository.handle_for(id)?;
                        read(handle.get_or_init(|| Box::new(made)), id)?
                    }
                }
            }
        };
        let (mut kept, mut kept_bytes) = (self.read.borrow_mut(), self.read_bytes.borrow_mut());
        *kept_bytes += bytes.len();
        if *kept_bytes > BYTES_MAX {
            kept.clear();
            *kept_bytes = bytes.len();
        }
        kept.insert(id, Arc::clone(&bytes));
        Ok(bytes)
    }
}

fn read(repo: &gix::Repository, id: gix::ObjectId) -> Result<Arc<Vec<u8>>> {
    let object = repo
        .try_find_object(id)
        .map_err(Error::database(format!("read tree {id}")))?;
    let object = object.ok_or_else(|| Error::Missing { id: id.to_string() })?;
    match object.kind {
        gix::objs::Kind::Tree => Ok(Arc::new(object.detach().data)),
        kind => Err(Error::database(format!("read tree {id}"))(format!(
            "it is a {kind}"
        ))),
    }
}

fn understand(bytes: &[u8], id: gix::ObjectId) -> Result<TreeRef<'_>> {
    TreeRef::from_bytes(bytes, id.kind()).map_err(Error::database(format!("understand tree {id}")))
}

fn entry(entry: &EntryRef<'_>) -> Entry {
    Entry {
        mode: entry.mode,
        id: entry.oid.to_owned(),
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
