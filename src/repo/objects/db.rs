//! Objects: reading blobs, storing and adopting objects.

use std::fs;
use std::io;

use crate::names::ModuleHash;
use crate::repo::error::{Error, Result};
use crate::repo::failpoints::step;
use crate::repo::ids::{module_hash, object_id};
use crate::repo::lifecycle::open::Repository;
use crate::repo::objects::cache::Blob;
use crate::repo::objects::fsync::{sync_dirs_up_to, sync_file};
use crate::repo::objects::loose::Adopted;
use crate::repo::objects::spool::Spool;
use crate::repo::publish::write_txn::{STAGED_BLOB_BYTES_MAX, STAGED_BYTES_MAX, Writing};

/// How often the packs are listed anew when one is deleted before it is flushed.
const LISTINGS_MAX: usize = 100;

impl Repository {
    /// An empty spool for one upload.
    pub fn spool(&self) -> Spool {
        Spool::new(&self.tmp_dir())
    }

    /// The bytes of a blob that may have been read before; `None` if the id names nothing, or no blob.
    pub fn cached_blob(&self, hash: ModuleHash) -> Result<Option<Blob>> {
        if let Some(blob) = self.caches.blobs.get(&hash) {
            return Ok(Some(blob));
        }
        let blob = self.blob(hash)?.map(Blob::from);
        if let Some(blob) = &blob {
            self.caches.blobs.insert(hash, blob.clone());
        }
        Ok(blob)
    }

    /// The bytes of a blob, if they are in memory already.
    pub fn remembered_blob(&self, hash: ModuleHash) -> Option<Blob> {
        self.caches.blobs.get(&hash)
    }

    /// The bytes of a blob as the object store has it now; `None` if the id names nothing, or no blob.
    pub fn blob(&self, hash: ModuleHash) -> Result<Option<Vec<u8>>> {
        let Some(repo) = self.local() else {
            return Ok(None);
        };
        let Some(id) = object_id(&repo, hash.as_bytes()) else {
            return Ok(None);
        };
        let object = repo
            .try_find_object(id)
            .map_err(Error::database(format!("read module {hash}")))?;
        Ok(object
            .filter(|object| object.kind == gix::objs::Kind::Blob)
            .map(|object| object.detach().data))
    }

    /// The size of a blob in bytes; `None` if the id names nothing, or no blob.
    pub fn blob_size_bytes(&self, hash: ModuleHash) -> Result<Option<u64>> {
        let Some(repo) = self.local() else {
            return Ok(None);
        };
        let Some(id) = object_id(&repo, hash.as_bytes()) else {
            return Ok(None);
        };
        let header = repo
            .try_find_header(id)
            .map_err(Error::database(format!("read module {hash}")))?;
        Ok(header
            .filter(|header| header.kind() == gix::objs::Kind::Blob)
            .map(|header| header.size()))
    }
}

impl Writing<'_> {
    /// Stores the spooled bytes as a blob, and returns its id.
    pub fn add_blob(&mut self, spool: &mut Spool) -> Result<ModuleHash> {
        Ok(module_hash(&self.add(gix::objs::Kind::Blob, spool)?))
    }

    /// Makes an existing blob durable, for a commit that is going to name it.
    ///
    /// # Errors
    /// `UnknownBlob` if there is none of that id.
    pub fn adopt_blob(&mut self, hash: ModuleHash) -> Result<()> {
        let id = object_id(self.objects.handles.local(), hash.as_bytes())
            .ok_or(Error::UnknownBlob(hash))?;
        let local = self.objects.handles.local();
        let header = local
            .try_find_header(id)
            .map_err(Error::database(format!("read module {hash}")))?;
        if header.is_none_or(|header| header.kind() != gix::objs::Kind::Blob) || !self.adopt(id)? {
            return Err(Error::UnknownBlob(hash));
        }
        Ok(())
    }

    /// Stores an object, and returns its id.
    fn add(&mut self, kind: gix::objs::Kind, spool: &mut Spool) -> Result<gix::ObjectId> {
        if let Some(bytes) = spool
            .bytes()
            .filter(|bytes| bytes.len() <= STAGED_BLOB_BYTES_MAX)
        {
            return self.stage(kind, bytes);
        }
        let id = self.objects.loose.id(kind, spool)?;
        if !self.seems_stored(&id) || !self.adopt(id)? {
            self.objects.loose.write(id, kind, spool)?;
        }
        Ok(id)
    }

    /// Stages an object for the next pack, unless it is stored, and returns its id.
    fn stage(&mut self, kind: gix::objs::Kind, bytes: &[u8]) -> Result<gix::ObjectId> {
        let format = self.objects.handles.format();
        let id = gix::objs::compute_hash(format, kind, bytes);
        let id = id.map_err(Error::database("hash an object"))?;
        if self.objects.staged.contains(&id) || (self.seems_stored(&id) && self.adopt(id)?) {
            return Ok(id);
        }
        self.stage_made(id, kind, bytes)?;
        Ok(id)
    }

    /// Stages an object, unless it has a file of its own, which is found before what stands in a pack. Packs are not looked at: few
    /// of the objects that a change makes are in one, and those are stored twice, which harms nobody.
    pub(crate) fn stage_made(
        &mut self,
        id: gix::ObjectId,
        kind: gix::objs::Kind,
        bytes: &[u8],
    ) -> Result<()> {
        match self.objects.loose.adopt(&id)? {
            Adopted::Durable => return Ok(()),
            Adopted::Damaged => {
                let spool = &mut Spool::holding(bytes.to_owned());
                return self.objects.loose.write(id, kind, spool);
            }
            Adopted::Absent => {}
        }
        self.objects.staged.add(id, kind, bytes);
        if self.objects.staged.size_bytes() >= STAGED_BYTES_MAX {
            self.flush()?;
        }
        Ok(())
    }

    /// Says whether an object is stored, by what this process has seen of the store: an object that others stored since is stored
    /// twice, which harms nobody, and nothing has to be looked up anew for one that is not there.
    fn seems_stored(&self, id: &gix::oid) -> bool {
        gix::objs::Exists::exists(&*self.objects.handles.seen().objects, id)
    }

    /// Makes an object that is there already durable, whoever wrote it; returns whether it is there.
    pub(crate) fn adopt(&mut self, id: gix::ObjectId) -> Result<bool> {
        match self.objects.loose.adopt(&id)? {
            Adopted::Durable => return Ok(true),
            Adopted::Damaged => return Ok(false),
            Adopted::Absent => {}
        }
        self.repository.forget_deleted_packs()?;
        let fresh = self.repository.local_for(id)?;
        let is_there = gix::objs::Exists::exists(&*fresh.objects, &id);
        if is_there {
            self.repository.flush_packs()?;
        }
        Ok(is_there)
    }

    /// The same, as the handle knows the packs, which the caller flushes.
    pub(crate) fn adopt_from(
        &mut self,
        fresh: &gix::Repository,
        id: gix::ObjectId,
    ) -> Result<bool> {
        Ok(match self.objects.loose.adopt(&id)? {
            Adopted::Durable => true,
            Adopted::Damaged => false,
            Adopted::Absent => gix::objs::Exists::exists(&*fresh.objects, &id),
        })
    }
}

impl Repository {
    /// Flushes every pack that this process does not know to be flushed.
    pub(crate) fn flush_packs(&self) -> Result<()> {
        for _ in 1..LISTINGS_MAX {
            match self.flush_listed_packs() {
                // A roll-up deleted a pack meanwhile; what was in it is in one that was not listed.
                Err(error) if error.io_kind() == Some(io::ErrorKind::NotFound) => {}
                flushed => return flushed,
            }
        }
        self.flush_listed_packs()
    }

    fn flush_listed_packs(&self) -> Result<()> {
        let folder = self.root().join("objects/pack");
        let mut known = self.durable();
        let mut new = Vec::new();
        for entry in fs::read_dir(&folder).map_err(Error::io("read", &folder))? {
            let path = entry.map_err(Error::io("read", &folder))?.path();
            let extension = path.extension().unwrap_or_default();
            let is_pack = ["pack", "idx", "rev"].iter().any(|part| extension == *part);
            let name = path.file_name().unwrap_or_default();
            if is_pack && !known.packs.contains(name) {
                step("flush found pack").map_err(Error::io("flush", &path))?;
                sync_file(&path)?;
                new.push(name.to_owned());
            }
        }
        if !new.is_empty() {
            sync_dirs_up_to(&folder, &self.root().join("objects"))?;
            known.packs.extend(new);
        }
        Ok(())
    }
}
