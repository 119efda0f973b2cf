//! The objects of a push: the objects in git's quarantine (git-receive-pack(1)), and the objects of the store.

use std::collections::HashSet;
use std::path::Path;

use gix::objs::{Find, Kind, TagRefIter};

use crate::config::PushLimits;
use crate::names::{CommitId, ModuleHash, ObjectId};
use crate::repo::error::{Error, Result};
use crate::repo::ids::{commit_id, object_id};
use crate::repo::objects::copies::find_object;
use crate::repo::objects::db::ObjectDb;
use crate::repo::objects::find::try_find_header;
use crate::repo::objects::tag::{self, Annotation};
use crate::repo::push::pushed_commit::{PushedCommit, check_size};

/// The maximum length of a chain of tags that point to tags.
const TAGS_MAX: usize = 16;

/// The commits and tags in a push's quarantine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuarantinedObjects {
    /// The ids of the commits in the quarantine.
    pub commits: Vec<CommitId>,
    /// The ids of the tag objects.
    pub tags: Vec<ObjectId>,
}

/// The objects in a push's quarantine, together with the objects of the store. The limits apply only to objects in quarantine, because the
/// objects of the store were checked when they were added.
pub struct IncomingObjects {
    store: gix::Repository,
    quarantine: Option<gix::odb::Handle>,
    limits: PushLimits,
}

impl IncomingObjects {
    /// Opens the store's objects together with the pushed objects in the directory `quarantine`. Without a directory, opens only the
    /// store's objects.
    ///
    /// # Errors
    /// The directory cannot be read; the store does not exist.
    pub(crate) fn open(
        objects: &ObjectDb,
        quarantine: Option<&Path>,
        limits: PushLimits,
    ) -> Result<Self> {
        let store = objects.handle_for("HEAD")?;
        let open = |dir: &Path| {
            let opened = gix::odb::at(dir, store.object_hash());
            opened.map_err(Error::io("open", dir))
        };
        let quarantine = quarantine.map(open).transpose()?;
        Ok(Self {
            store,
            quarantine,
            limits,
        })
    }

    /// Peels tags: returns the commit that `id` names directly or through tags; `None` if it leads to another kind of object.
    ///
    /// # Errors
    /// `Missing` if an object does not exist.
    pub fn peel(&self, id: ObjectId) -> Result<Option<CommitId>> {
        let peeled = self.peel_tags(id)?;
        Ok(peeled.and_then(|(commit, _)| CommitId::from_bytes(commit.as_bytes())))
    }

    /// Returns whether an object is a commit.
    ///
    /// # Errors
    /// `Missing` if an object does not exist.
    pub fn is_commit(&self, id: ObjectId) -> Result<bool> {
        Ok(self.header(self.id(id)?)?.0 == Kind::Commit)
    }

    /// Returns every commit and tag in quarantine. The result includes objects that no pushed ref reaches, because after the push any
    /// client can request them by id.
    ///
    /// # Errors
    /// The objects cannot be listed.
    pub fn quarantined(&self) -> Result<QuarantinedObjects> {
        let mut found = QuarantinedObjects::default();
        let Some(quarantine) = &self.quarantine else {
            return Ok(found);
        };
        let action = "list the pushed objects";
        for id in quarantine.iter().map_err(Error::database(action))? {
            let id = id.map_err(Error::database(action))?;
            match self.header(id)?.0 {
                Kind::Commit => found.commits.push(commit_id(&id)),
                Kind::Tag => found.tags.extend(ObjectId::from_bytes(id.as_bytes())),
                Kind::Tree | Kind::Blob => {}
            }
        }
        Ok(found)
    }

    /// Returns the commit that `id` leads to, and the tag objects on the way to it; `None` if `id` leads to another kind of object, or
    /// through too many tags.
    pub(crate) fn peel_tags(
        &self,
        id: ObjectId,
    ) -> Result<Option<(gix::ObjectId, Vec<gix::ObjectId>)>> {
        let (mut current, mut tags) = (self.id(id)?, Vec::new());
        while tags.len() <= TAGS_MAX {
            match self.header(current)?.0 {
                Kind::Commit => return Ok(Some((current, tags))),
                Kind::Tag => {
                    tags.push(current);
                    let (_, data) = self.read(current)?;
                    let target = TagRefIter::from_bytes(&data, current.kind()).target_id();
                    current = target.map_err(Error::database(format!("decode tag {current}")))?;
                }
                Kind::Blob | Kind::Tree => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Returns every commit that one of `tips` reaches without passing a commit for which `is_known` returns `true`.
    ///
    /// # Errors
    /// `Missing`; `LimitExceeded` if a commit in quarantine has too many parents or too long a message; the error of `is_known`.
    pub fn new_commits<E: From<Error>>(
        &self,
        tips: &[CommitId],
        mut is_known: impl FnMut(CommitId) -> Result<bool, E>,
    ) -> Result<Vec<PushedCommit>, E> {
        let mut seen: HashSet<CommitId> = tips.iter().copied().collect();
        let (mut todo, mut new) = (Vec::from_iter(seen.iter().copied()), Vec::new());
        while let Some(id) = todo.pop() {
            if is_known(id)? {
                continue;
            }
            let data = self.commit_data(id)?;
            let commit = PushedCommit::decode(id, &data)?;
            todo.extend(commit.parents.iter().filter(|parent| seen.insert(**parent)));
            new.push(commit);
        }
        Ok(new)
    }

    /// Returns the size of a blob in bytes; `None` if the id names another kind of object.
    ///
    /// # Errors
    /// `Missing` if an object does not exist.
    pub fn blob_size_bytes(&self, hash: ModuleHash) -> Result<Option<u64>> {
        let id = object_id(&self.store, hash.as_bytes()).ok_or_else(|| missing(hash))?;
        let (kind, size_bytes) = self.header(id)?;
        Ok((kind == Kind::Blob).then_some(size_bytes))
    }

    /// Returns the bytes of a blob, whatever its size.
    ///
    /// # Errors
    /// `Missing` if an object does not exist.
    pub fn blob(&self, hash: ModuleHash) -> Result<Vec<u8>> {
        let id = object_id(&self.store, hash.as_bytes()).ok_or_else(|| missing(hash))?;
        Ok(self.read(id)?.1)
    }

    /// Returns whether `old` is in the first-parent history of `new`.
    pub(crate) fn is_in_first_parent_history(
        &self,
        old: gix::ObjectId,
        new: gix::ObjectId,
    ) -> Result<bool> {
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

    /// Converts an id to gix's type.
    pub(crate) fn id(&self, id: ObjectId) -> Result<gix::ObjectId> {
        object_id(&self.store, id.as_bytes()).ok_or_else(|| missing(id))
    }

    /// Reads a commit.
    pub(crate) fn commit(&self, id: CommitId) -> Result<PushedCommit> {
        PushedCommit::decode(id, &self.commit_data(id)?)
    }

    /// Reads a commit in its encoded form.
    pub(crate) fn commit_data(&self, id: CommitId) -> Result<Vec<u8>> {
        let oid = object_id(&self.store, id.as_bytes()).ok_or_else(|| missing(id))?;
        match self.read(oid)? {
            (Kind::Commit, data) => Ok(data),
            _ => Err(decoding(oid)("it is not a commit")),
        }
    }

    /// Reads a tag in its encoded form.
    pub(crate) fn tag_data(&self, id: ObjectId) -> Result<Vec<u8>> {
        let oid = self.id(id)?;
        match self.read(oid)? {
            (Kind::Tag, data) => Ok(data),
            _ => Err(decoding(oid)("it is not a tag")),
        }
    }

    /// Returns the tagger, time and message of a tag object.
    ///
    /// # Errors
    /// `Missing`; the object is not a tag.
    pub fn annotation(&self, id: ObjectId) -> Result<Annotation> {
        Ok(tag::decode(&self.tag_data(id)?, self.store.object_hash()))
    }

    /// Reads a tree in its encoded form.
    pub(crate) fn tree(&self, id: gix::ObjectId) -> Result<Vec<u8>> {
        match self.read(id)? {
            (Kind::Tree, data) => Ok(data),
            _ => Err(decoding(id)("it is not a tree")),
        }
    }

    /// Returns the kind and the size of an object.
    fn header(&self, id: gix::ObjectId) -> Result<(Kind, u64)> {
        if let Some(quarantine) = &self.quarantine {
            let header = gix::odb::Header::try_header(quarantine, &id);
            if let Some(header) = header.map_err(reading(id))? {
                return Ok((header.kind(), header.size()));
            }
        }
        let header = try_find_header(&self.store, id).map_err(reading(id))?;
        match header {
            Some(header) => Ok((header.kind(), header.size())),
            None => Err(missing(id)),
        }
    }

    /// Reads an object. An object in quarantine must be within the limits for its kind. Blobs have no limit here: the caller checks their
    /// size.
    fn read(&self, id: gix::ObjectId) -> Result<(Kind, Vec<u8>)> {
        if let Some(quarantine) = &self.quarantine
            && let Some(header) =
                gix::odb::Header::try_header(quarantine, &id).map_err(reading(id))?
        {
            self.check_object_size(id, header.kind(), header.size())?;
            let mut bytes = Vec::new();
            let found = quarantine.try_find(&id, &mut bytes).map_err(reading(id))?;
            if let Some(kind) = found.map(|found| found.kind) {
                if kind == Kind::Commit {
                    check_size(commit_id(&id), &bytes)?;
                }
                return Ok((kind, bytes));
            }
        }
        let object = find_object(&self.store, id)
            .map_err(reading(id))?
            .ok_or_else(|| missing(id))?;
        Ok((object.kind, object.detach().data))
    }

    fn check_object_size(&self, id: gix::ObjectId, kind: Kind, size_bytes: u64) -> Result<()> {
        let bytes_max = match kind {
            Kind::Commit | Kind::Tag => self.limits.commit_bytes_max,
            Kind::Tree => self.limits.tree_bytes_max,
            Kind::Blob => u64::MAX,
        };
        if size_bytes <= bytes_max {
            return Ok(());
        }
        Err(Error::LimitExceeded {
            object: format!("{kind} {id}"),
            reason: format!("it has {size_bytes} bytes; the limit is {bytes_max} bytes"),
        })
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

fn decoding<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    id: gix::ObjectId,
) -> impl FnOnce(E) -> Error {
    Error::database(format!("decode object {id}"))
}
