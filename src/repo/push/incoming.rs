//! What a push brings, before it is part of the store: objects in git's quarantine (git-receive-pack(1)) beside the store's.

use std::collections::HashSet;
use std::path::Path;

use gix::objs::{Data, Find, Kind, TagRefIter};

use crate::config::PushLimits;
use crate::names::{CommitId, ModuleHash, ObjectId};
use crate::repo::error::{Error, Result};
use crate::repo::ids::{commit_id, object_id};
use crate::repo::objects::commit::{Commit, decode};
use crate::repo::objects::db::ObjectDb;

/// How many tags may name one another.
const TAGS_MAX: usize = 16;

/// Objects that a push brings, and those of the store.
pub struct Incoming {
    store: gix::Repository,
    quarantine: Option<gix::odb::Handle>,
    limits: PushLimits,
}

impl Incoming {
    /// Looks at the store together with what is in `quarantine`, a folder of objects.
    ///
    /// # Errors
    /// The folder cannot be read; there is no store.
    pub(crate) fn open(
        objects: &ObjectDb,
        quarantine: Option<&Path>,
        limits: PushLimits,
    ) -> Result<Self> {
        let store = objects.handle_for("HEAD")?;
        let open = |folder: &Path| {
            let opened = gix::odb::at(folder, store.object_hash());
            opened.map_err(Error::io("open", folder))
        };
        let quarantine = quarantine.map(open).transpose()?;
        Ok(Self {
            store,
            quarantine,
            limits,
        })
    }

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
        Ok(self.header(self.id(id)?)?.0 == Kind::Commit)
    }

    /// Every commit in quarantine, also those that no pushed ref leads to: whoever knows its id can ask for one once it is in the
    /// store.
    ///
    /// # Errors
    /// The objects cannot be listed.
    pub fn brought_commits(&self) -> Result<Vec<CommitId>> {
        let Some(quarantine) = &self.quarantine else {
            return Ok(Vec::new());
        };
        let ids = quarantine.iter();
        let ids = ids.map_err(Error::database("list what is pushed"))?;
        let mut commits = Vec::new();
        for id in ids {
            let id = id.map_err(Error::database("list what is pushed"))?;
            if self.header(id)?.0 == Kind::Commit {
                commits.push(commit_id(&id));
            }
        }
        Ok(commits)
    }

    /// The commit that an object leads to, and the tags on the way.
    pub(crate) fn tags(&self, id: ObjectId) -> Result<Option<(gix::ObjectId, Vec<gix::ObjectId>)>> {
        let (mut id, mut tags) = (self.id(id)?, Vec::new());
        while tags.len() <= TAGS_MAX {
            match self.header(id)?.0 {
                Kind::Commit => return Ok(Some((id, tags))),
                Kind::Tag => {
                    tags.push(id);
                    let (_, data) = self.read(id)?;
                    let target = TagRefIter::from_bytes(&data, id.kind()).target_id();
                    id = target.map_err(Error::database(format!("understand tag {id}")))?;
                }
                Kind::Blob | Kind::Tree => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Every commit that one of `tips` reaches without passing one that `is_known`.
    ///
    /// # Errors
    /// `Missing`; what `is_known` returns.
    pub fn new_commits<E: From<Error>>(
        &self,
        tips: &[CommitId],
        mut is_known: impl FnMut(CommitId) -> Result<bool, E>,
    ) -> Result<Vec<Commit>, E> {
        let mut met: HashSet<CommitId> = tips.iter().copied().collect();
        let (mut todo, mut new) = (Vec::from_iter(met.iter().copied()), Vec::new());
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

    /// The size of a blob in bytes; `None` if the id names something else.
    ///
    /// # Errors
    /// `Missing`.
    pub fn blob_size_bytes(&self, hash: ModuleHash) -> Result<Option<u64>> {
        let id = object_id(&self.store, hash.as_bytes()).ok_or_else(|| missing(hash))?;
        let (kind, size_bytes) = self.header(id)?;
        Ok((kind == Kind::Blob).then_some(size_bytes))
    }

    /// The bytes of a blob, however large it is.
    ///
    /// # Errors
    /// `Missing`.
    pub fn blob(&self, hash: ModuleHash) -> Result<Vec<u8>> {
        let id = object_id(&self.store, hash.as_bytes()).ok_or_else(|| missing(hash))?;
        Ok(self.read(id)?.1)
    }

    /// Whether `old` is on the first-parent line of `new`.
    pub(crate) fn is_on_line(&self, old: gix::ObjectId, new: gix::ObjectId) -> Result<bool> {
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
    pub(crate) fn id(&self, id: ObjectId) -> Result<gix::ObjectId> {
        object_id(&self.store, id.as_bytes()).ok_or_else(|| missing(id))
    }

    pub(crate) fn commit(&self, id: CommitId) -> Result<Commit> {
        let oid = object_id(&self.store, id.as_bytes()).ok_or_else(|| missing(id))?;
        let (kind, data) = self.read(oid)?;
        let object = Data::new(&data, kind, oid.kind()).decode();
        let commit = object.ok().and_then(|object| object.into_commit());
        decode(
            id,
            &commit.ok_or_else(|| understanding(oid)("it is no commit"))?,
        )
    }

    pub(crate) fn tree(&self, id: gix::ObjectId) -> Result<Vec<u8>> {
        match self.read(id)? {
            (Kind::Tree, data) => Ok(data),
            _ => Err(understanding(id)("it is no tree")),
        }
    }

    fn header(&self, id: gix::ObjectId) -> Result<(Kind, u64)> {
        if let Some(quarantine) = &self.quarantine {
            let header = gix::odb::Header::try_header(quarantine, &id);
            if let Some(header) = header.map_err(reading(id))? {
                return Ok((header.kind(), header.size()));
            }
        }
        let header = self.store.try_find_header(id).map_err(reading(id))?;
        let header = header.ok_or_else(|| missing(id))?;
        Ok((header.kind(), header.size()))
    }

    fn read(&self, id: gix::ObjectId) -> Result<(Kind, Vec<u8>)> {
        let (kind, size_bytes) = self.header(id)?;
        let bytes_max = match kind {
            Kind::Commit | Kind::Tag => self.limits.commit_bytes_max,
            Kind::Tree => self.limits.tree_bytes_max,
            Kind::Blob => u64::MAX,
        };
        if size_bytes > bytes_max {
            let what = format!("the {kind} has {size_bytes} bytes, and may have {bytes_max}");
            return Err(reading(id)(what));
        }
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

fn missing(id: impl std::fmt::Display) -> Error {
    Error::Missing { id: id.to_string() }
}

fn reading<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    id: gix::ObjectId,
) -> impl FnOnce(E) -> Error {
    Error::database(format!("read object {id}"))
}

pub(crate) fn understanding<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    id: gix::ObjectId,
) -> impl FnOnce(E) -> Error {
    Error::database(format!("understand object {id}"))
}
