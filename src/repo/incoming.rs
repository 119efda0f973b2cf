//! What a push brings, before it is part of the store: objects in git's quarantine (git-receive-pack(1)) beside the store's.

use std::collections::HashSet;
use std::path::Path;

use gix::bstr::ByteSlice;
use gix::objs::tree::{EntryKind, EntryRef};
use gix::objs::{Data, Find, Kind, TagRefIter, TreeRef};

use super::commits::{Commit, decode};
use super::error::{Error, Result};
use super::open::{Repository, commit_id, module_hash, object_id};
use crate::names::{CommitId, ModuleHash, ObjectId};

/// How many tags may name one another.
const TAGS_MAX: usize = 16;

/// Objects that a push brings, and those of the store.
pub struct Incoming {
    store: gix::Repository,
    quarantine: Option<gix::odb::Handle>,
}

/// What a commit puts at a path where none of its parents has the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Introduced {
    /// A regular file.
    Module(ModuleHash),
    /// A file that is executable, as no module is.
    Executable,
    /// A symbolic link.
    SymbolicLink,
    /// A commit of another repository.
    Submodule,
    /// A folder with nothing in it.
    EmptyFolder,
    /// Something of a name that something else in the folder has too.
    Twice,
}

/// A folder in a commit's tree, and what stands there in its parents' trees.
struct Folder {
    path: Vec<u8>,
    tree: gix::ObjectId,
    before: Vec<gix::ObjectId>,
}

impl Repository {
    /// Looks at the store together with what is in `quarantine`, a folder of objects.
    ///
    /// # Errors
    /// The folder cannot be read; there is no store.
    pub fn incoming(&self, quarantine: Option<&Path>) -> Result<Incoming> {
        let store = self.local_for("HEAD")?;
        let open = |folder: &Path| {
            let opened = gix::odb::at(folder, store.object_hash());
            opened.map_err(Error::io("open", folder))
        };
        let quarantine = quarantine.map(open).transpose()?;
        Ok(Incoming { store, quarantine })
    }
}

impl Incoming {
    /// The commit that an object leads to: itself, or what a tag names in the end; `None` if that is no commit.
    ///
    /// # Errors
    /// `Missing`.
    pub fn peel(&self, id: ObjectId) -> Result<Option<CommitId>> {
        let tags = self.tags(id)?;
        Ok(tags.and_then(|(commit, _)| CommitId::from_bytes(commit.as_bytes())))
    }

    /// Says whether an object is a commit itself.
    ///
    /// # Errors
    /// `Missing`.
    pub fn is_commit(&self, id: ObjectId) -> Result<bool> {
        Ok(self.read(self.id(id)?)?.0 == Kind::Commit)
    }

    /// The commit that an object leads to, and the tags on the way.
    pub(super) fn tags(&self, id: ObjectId) -> Result<Option<(gix::ObjectId, Vec<gix::ObjectId>)>> {
        let (mut id, mut tags) = (self.id(id)?, Vec::new());
        while tags.len() <= TAGS_MAX {
            let (kind, data) = self.read(id)?;
            match kind {
                Kind::Commit => return Ok(Some((id, tags))),
                Kind::Tag => {
                    tags.push(id);
                    let target = TagRefIter::from_bytes(&data, id.kind()).target_id();
                    id = target.map_err(Error::database(format!("understand tag {id}")))?;
                }
                Kind::Blob | Kind::Tree => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Every commit that `tip` reaches without passing one that `is_known`.
    ///
    /// # Errors
    /// `Missing`; what `is_known` returns.
    pub fn new_commits<E: From<Error>>(
        &self,
        tip: CommitId,
        mut is_known: impl FnMut(CommitId) -> Result<bool, E>,
    ) -> Result<Vec<Commit>, E> {
        let (mut met, mut todo, mut new) = (HashSet::from([tip]), vec![tip], Vec::new());
        while let Some(id) = todo.pop() {
            if is_known(id)? {
                continue;
            }
            let commit = self.commit(id)?;
            todo.extend(commit.parents.iter().filter(|parent| met.insert(**parent)));
            new.push(commit);
        }
        Ok(new)
    }

    /// Tells what a commit introduces, with the path as git has it, until `visit` says that it has seen enough.
    ///
    /// # Errors
    /// `Missing`; an object cannot be understood.
    pub fn introduced(
        &self,
        commit: &Commit,
        visit: &mut dyn FnMut(&[u8], Introduced) -> bool,
    ) -> Result<()> {
        let parents = commit.parents.iter();
        let parents = parents.map(|parent| Ok(self.commit(*parent)?.tree.0));
        let mut todo = vec![Folder {
            path: Vec::new(),
            tree: commit.tree.0,
            before: parents.collect::<Result<_>>()?,
        }];
        while let Some(folder) = todo.pop() {
            // One that a parent has as it is was looked at when that came.
            let is_new = !folder.before.contains(&folder.tree);
            if is_new && !self.introduced_in(&folder, &mut todo, visit)? {
                return Ok(());
            }
        }
        Ok(())
    }

    fn introduced_in(
        &self,
        folder: &Folder,
        todo: &mut Vec<Folder>,
        visit: &mut dyn FnMut(&[u8], Introduced) -> bool,
    ) -> Result<bool> {
        let tree = self.tree(folder.tree)?;
        let entries = TreeRef::from_bytes(&tree, folder.tree.kind());
        let entries = entries.map_err(understanding(folder.tree))?.entries;
        let before = folder.before.iter().map(|id| self.tree(*id));
        let before: Vec<Vec<u8>> = before.collect::<Result<_>>()?;
        let before = before
            .iter()
            .zip(&folder.before)
            .map(|(tree, id)| TreeRef::from_bytes(tree, id.kind()).map_err(understanding(*id)));
        let before: Vec<TreeRef<'_>> = before.collect::<Result<_>>()?;
        let mut names = HashSet::new();
        for entry in &entries {
            let path = join(&folder.path, entry.filename);
            if !names.insert(entry.filename) && !visit(&path, Introduced::Twice) {
                return Ok(false);
            }
            let there = |tree: &TreeRef<'_>| {
                let there = tree.bisect_entry(entry.filename, entry.mode.is_tree());
                there.map(|there| (there.mode, there.oid.to_owned()))
            };
            let there: Vec<_> = before.iter().filter_map(there).collect();
            if there.contains(&(entry.mode, entry.oid.to_owned())) {
                continue;
            }
            match found(entry) {
                Some(found) if !visit(&path, found) => return Ok(false),
                Some(_) => {}
                None => todo.push(Folder {
                    path,
                    tree: entry.oid.to_owned(),
                    before: there.into_iter().map(|(_, id)| id).collect(),
                }),
            }
        }
        Ok(true)
    }

    /// The size of a blob in bytes; `None` if the id names something else.
    ///
    /// # Errors
    /// `Missing`.
    pub fn blob_size_bytes(&self, hash: ModuleHash) -> Result<Option<u64>> {
        let id = object_id(&self.store, hash.as_bytes()).ok_or_else(|| missing(hash))?;
        if let Some(quarantine) = &self.quarantine {
            let header = gix::odb::Header::try_header(quarantine, &id);
            if let Some(header) = header.map_err(reading(id))? {
                return Ok((header.kind() == Kind::Blob).then(|| header.size()));
            }
        }
        let header = self.store.try_find_header(id).map_err(reading(id))?;
        let header = header.ok_or_else(|| missing(hash))?;
        Ok((header.kind() == Kind::Blob).then(|| header.size()))
    }

    /// The bytes of a blob.
    ///
    /// # Errors
    /// `Missing`.
    pub fn blob(&self, hash: ModuleHash) -> Result<Vec<u8>> {
        let id = object_id(&self.store, hash.as_bytes()).ok_or_else(|| missing(hash))?;
        Ok(self.read(id)?.1)
    }

    /// Whether `old` is on the first-parent line of `new`.
    pub(super) fn is_on_line(&self, old: gix::ObjectId, new: gix::ObjectId) -> Result<bool> {
        let mut next = Some(commit_id(&new));
        let old = commit_id(&old);
        while let Some(id) = next {
            if id == old {
                return Ok(true);
            }
            next = self.commit(id)?.parents.first().copied();
        }
        Ok(false)
    }

    /// An id as gix has it.
    pub(super) fn id(&self, id: ObjectId) -> Result<gix::ObjectId> {
        object_id(&self.store, id.as_bytes()).ok_or_else(|| missing(id))
    }

    fn commit(&self, id: CommitId) -> Result<Commit> {
        let oid = object_id(&self.store, id.as_bytes()).ok_or_else(|| missing(id))?;
        let (kind, data) = self.read(oid)?;
        let object = Data::new(&data, kind, oid.kind()).decode();
        let commit = object.ok().and_then(|object| object.into_commit());
        decode(
            id,
            &commit.ok_or_else(|| understanding(oid)("it is no commit"))?,
        )
    }

    fn tree(&self, id: gix::ObjectId) -> Result<Vec<u8>> {
        match self.read(id)? {
            (Kind::Tree, data) => Ok(data),
            _ => Err(understanding(id)("it is no tree")),
        }
    }

    fn read(&self, id: gix::ObjectId) -> Result<(Kind, Vec<u8>)> {
        if let Some(quarantine) = &self.quarantine {
            let mut bytes = Vec::new();
            let found = quarantine.try_find(&id, &mut bytes).map_err(reading(id))?;
            if let Some(kind) = found.map(|found| found.kind) {
                return Ok((kind, bytes));
            }
        }
        let object = self.store.try_find_object(id).map_err(reading(id))?;
        let object = object.ok_or_else(|| missing(id))?;
        Ok((object.kind, object.detach().data))
    }
}

/// What an entry is; `None` for a folder to look into.
fn found(entry: &EntryRef<'_>) -> Option<Introduced> {
    match entry.mode.kind() {
        EntryKind::Tree if entry.oid.is_empty_tree() => Some(Introduced::EmptyFolder),
        EntryKind::Tree => None,
        EntryKind::Blob => Some(Introduced::Module(module_hash(entry.oid))),
        EntryKind::BlobExecutable => Some(Introduced::Executable),
        EntryKind::Link => Some(Introduced::SymbolicLink),
        EntryKind::Commit => Some(Introduced::Submodule),
    }
}

fn join(folder: &[u8], name: &gix::bstr::BStr) -> Vec<u8> {
    match folder {
        [] => name.to_vec(),
        folder => [folder, b"/", name.as_bytes()].concat(),
    }
}

fn missing(id: impl std::fmt::Display) -> Error {
    Error::Missing { id: id.to_string() }
}

fn reading<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    id: gix::ObjectId,
) -> impl FnOnce(E) -> Error {
    Error::database(format!("read object {id}"))
}

fn understanding<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    id: gix::ObjectId,
) -> impl FnOnce(E) -> Error {
    Error::database(format!("understand object {id}"))
}
