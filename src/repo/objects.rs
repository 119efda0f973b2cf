//! Objects: reading blobs, storing and adopting objects.

use std::fs;

use super::cache::Blob;
use super::durable::{sync_dirs_up_to, sync_file};
use super::error::{Error, Result};
use super::open::{Repository, module_hash, object_id};
use super::publish::Writing;
use super::spool::Spool;
use crate::names::ModuleHash;

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
        let id = object_id(&self.local, hash.as_bytes()).ok_or(Error::UnknownBlob(hash))?;
        let header = self
            .local
            .try_find_header(id)
            .map_err(Error::database(format!("read module {hash}")))?;
        if header.is_none_or(|header| header.kind() != gix::objs::Kind::Blob) || !self.adopt(id)? {
            return Err(Error::UnknownBlob(hash));
        }
        Ok(())
    }

    /// Stores an object, and returns its id.
    pub(super) fn add(
        &mut self,
        kind: gix::objs::Kind,
        spool: &mut Spool,
    ) -> Result<gix::ObjectId> {
        let id = self.loose.id(kind, spool)?;
        if !self.adopt(id)? {
            self.loose.write(id, kind, spool)?;
        }
        Ok(id)
    }

    /// Makes an object that is there already durable, whoever wrote it; returns whether it is there.
    pub(super) fn adopt(&mut self, id: gix::ObjectId) -> Result<bool> {
        if self.loose.adopt(&id) {
            return Ok(true);
        }
        // Asked of the store beneath: the handle also finds what was only made in memory. A file that is there all the same
        // could not be flushed, and is to be written anew.
        self.loose.remove_damaged(&id)?;
        let stored = gix::objs::Exists::exists(&*self.local.objects, &id);
        let packed = stored && !self.loose.has_file(&id);
        if packed {
            self.repository.flush_packs()?;
        }
        Ok(packed)
    }
}

impl Repository {
    /// Flushes every pack that this process does not know to be flushed.
    fn flush_packs(&self) -> Result<()> {
        let folder = self.root().join("objects/pack");
        let mut known = self.durable();
        let mut new = Vec::new();
        for entry in fs::read_dir(&folder).map_err(Error::io("read", &folder))? {
            let path = entry.map_err(Error::io("read", &folder))?.path();
            let extension = path.extension().unwrap_or_default();
            let is_pack = extension == "pack" || extension == "idx";
            if is_pack && !known.packs.contains(&path) {
                sync_file(&path)?;
                new.push(path);
            }
        }
        if !new.is_empty() {
            sync_dirs_up_to(&folder, &self.root().join("objects"))?;
            known.packs.extend(new);
        }
        Ok(())
    }
}
