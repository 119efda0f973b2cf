//! A write transaction: collects new objects and makes them durable, under `lock`.

use std::collections::HashSet;
use std::sync::Arc;

use crate::names::{CommitId, ModuleHash, ObjectId};
use crate::repo::authority::RequestId;
use crate::repo::error::{Error, Result};
use crate::repo::follow::unnamed_packs::UnnamedPacks;
use crate::repo::ids::{module_hash, object_id};
use crate::repo::locks::Guard;
use crate::repo::objects::commit;
use crate::repo::objects::find::try_find_header;
use crate::repo::objects::loose::{LooseObjects, SyncedObject};
use crate::repo::objects::spool::Spool;
use crate::repo::packs::pack::Pack;
use crate::repo::packs::staged::StagedObjects;
use crate::repo::parts::Parts;
use crate::repo::publish::preallocated_files::PreallocatedFiles;
use crate::repo::publish::txn_handles::TxnHandles;

/// The maximum size of a blob that goes into the pack of its batch, in bytes. A larger blob becomes a loose object, so that its writer can
/// fsync it while other threads publish, and no roll-up of packs copies it.
const STAGED_BLOB_BYTES_MAX: usize = 1 << 17;
/// The total size of objects in memory, in bytes, at which a transaction writes them to a pack of their own, for example during a large
/// import.
const STAGED_BYTES_MAX: usize = 8 << 20;

/// A transaction that writes objects and publishes them. `gc` deletes nothing while a transaction is open.
pub struct WriteTxn<'r> {
    pub(crate) parts: &'r Parts,
    pub(crate) objects: TxnObjects,
    /// Whether the change fails with `Moved` as soon as another process changes the shared state first. Otherwise it is retried.
    pub fails_if_overtaken: bool,
    _lock: Option<Guard>,
}

/// An existing object that a change uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExistingObject {
    Blob(gix::ObjectId),
    /// A commit, and everything that it reaches.
    Commit(CommitId),
}

/// The new objects of a transaction.
pub(crate) struct TxnObjects {
    pub handles: TxnHandles,
    /// Objects that are stored as loose objects, and existing loose objects that must be fsynced before a ref may reach them.
    pub loose: LooseObjects,
    /// Objects that will be written to one pack.
    pub staged: StagedObjects,
    /// Files that were created in advance for the pack of the staged objects.
    pub files: Arc<PreallocatedFiles>,
    /// The ids of objects that are both in memory and in a durable pack.
    pub durable: HashSet<gix::ObjectId>,
    /// The packs with new objects, which the next atomic change of the shared state adds to it. Empty unless several machines share the
    /// repository.
    pub packs: Vec<Pack>,
    /// The existing blobs and commits that the change uses, if several machines share the repository. The shared state may lose them before
    /// the change is decided, so they are looked up again then.
    pub existing_objects: Vec<ExistingObject>,
    /// The id of the client's request, if the client may send the request again.
    pub request: Option<RequestId>,
    /// The local packs that the shared state lacked when the transaction first looked for an existing object; `None` before that.
    pub unnamed: Option<UnnamedPacks>,
}

impl TxnObjects {
    /// Adds packs to the list `packs`, unless they are in it already. The next swap (replacement of the bucket's manifest) adds them to the
    /// shared state.
    pub(crate) fn add_packs(&mut self, packs: &[Pack]) {
        for pack in packs {
            if !self.packs.contains(pack) {
                self.packs.push(pack.clone());
            }
        }
    }
}

impl<'r> WriteTxn<'r> {
    /// Begins a transaction: takes `lock` in shared mode.
    ///
    /// # Errors
    /// The store does not exist or cannot be written; a `gc` deletes objects for longer than a minute.
    pub(crate) fn begin(parts: &'r Parts) -> Result<Self> {
        let lock = parts.locks.writing()?;
        parts.objects.reopen_after_gc(lock.last_collected())?;
        Self::under(parts, Some(lock))
    }

    /// Begins a transaction that owns `lock`, the guard of the file `lock`. With `None`, the caller must hold a lock that keeps `gc` from
    /// deleting objects.
    pub(crate) fn under(parts: &'r Parts, lock: Option<Guard>) -> Result<Self> {
        let handles = TxnHandles::new(&parts.objects)?;
        let objects = TxnObjects {
            loose: LooseObjects::new(parts.root(), handles.format()),
            staged: StagedObjects::default(),
            files: Arc::default(),
            durable: HashSet::new(),
            packs: Vec::new(),
            existing_objects: Vec::new(),
            unnamed: None,
            request: None,
            handles,
        };
        Ok(Self::resume(parts, objects, lock))
    }

    /// Begins a transaction with the objects of an earlier one.
    pub(crate) fn resume(parts: &'r Parts, objects: TxnObjects, lock: Option<Guard>) -> Self {
        Self {
            parts,
            objects,
            fails_if_overtaken: false,
            _lock: lock,
        }
    }

    pub(crate) fn into_objects(self) -> TxnObjects {
        self.objects
    }

    /// Returns a handle that finds every stored object, and the new objects in memory.
    pub(crate) fn repo(&self) -> &gix::Repository {
        self.objects.handles.with_memory()
    }

    /// Sets the id of the client's request. If the change of the same request was applied before, it is not applied again.
    pub fn set_request(&mut self, request: RequestId) {
        self.objects.request = Some(request);
    }

    /// Converts an object id to gix's type.
    ///
    /// # Errors
    /// `Missing` if the id does not have the length of this repository's ids.
    pub(crate) fn object_id(&self, id: ObjectId) -> Result<gix::ObjectId> {
        let missing = || Error::Missing { id: id.to_string() };
        object_id(self.repo(), id.as_bytes()).ok_or_else(missing)
    }

    /// Stores the spooled bytes as a blob, and returns its id.
    pub fn add_blob(&mut self, spool: &mut Spool) -> Result<ModuleHash> {
        let kind = gix::objs::Kind::Blob;
        let small = spool
            .bytes()
            .filter(|bytes| bytes.len() <= STAGED_BLOB_BYTES_MAX);
        if let Some(bytes) = small {
            return Ok(module_hash(&self.stage(kind, bytes)?));
        }
        let id = self.objects.loose.id(kind, spool)?;
        let stored = self.rely_on_stored(id)?;
        if stored == SyncedObject::Durable {
            return Ok(module_hash(&id));
        }
        if stored == SyncedObject::Damaged || !self.is_shared() {
            self.objects.loose.write(id, kind, spool)?;
        }
        if self.is_shared() {
            self.write_pack_of(id, kind, spool)?;
        }
        Ok(module_hash(&id))
    }

    /// Makes an existing blob durable, so that a new commit may name it.
    ///
    /// # Errors
    /// `UnknownBlob` if there is no object with this id, or if it is not a blob.
    pub fn sync_existing_blob(&mut self, hash: ModuleHash) -> Result<()> {
        let id = object_id(self.repo(), hash.as_bytes()).ok_or(Error::UnknownBlob(hash))?;
        if !self.has_blob(hash)? || !self.sync_object_for_change(id)? {
            return Err(Error::UnknownBlob(hash));
        }
        Ok(())
    }

    /// Returns whether there is a blob with this id. Does not make the blob durable.
    ///
    /// # Errors
    /// The object database cannot be read.
    pub fn has_blob(&self, hash: ModuleHash) -> Result<bool> {
        let Some(id) = object_id(self.repo(), hash.as_bytes()) else {
            return Ok(false);
        };
        let header = try_find_header(self.repo(), id)
            .map_err(Error::database(format!("read module {hash}")))?;
        Ok(header.is_some_and(|header| header.kind() == gix::objs::Kind::Blob))
    }

    /// Makes an existing commit, and everything that it reaches, durable, so that a new commit may use parts of it.
    ///
    /// # Errors
    /// `UnknownCommit`.
    pub fn sync_existing_commit(&mut self, commit: CommitId) -> Result<()> {
        commit::read(self.repo(), commit)?;
        self.sync_history_of(commit)?;
        if self.is_shared() {
            self.objects
                .existing_objects
                .push(ExistingObject::Commit(commit));
        }
        self.objects.loose.sync()
    }

    /// Makes an existing object durable, so that the commit of the change may name it. Returns whether the object exists.
    pub(crate) fn sync_object_for_change(&mut self, id: gix::ObjectId) -> Result<bool> {
        let exists = self.sync_existing_object(id)?;
        if exists && self.is_shared() {
            self.objects.existing_objects.push(ExistingObject::Blob(id));
        }
        Ok(exists)
    }

    /// Adds an object to the next pack unless it is stored already. Returns its id.
    pub(crate) fn stage(&mut self, kind: gix::objs::Kind, bytes: &[u8]) -> Result<gix::ObjectId> {
        let format = self.objects.handles.format();
        let id = gix::objs::compute_hash(format, kind, bytes)
            .map_err(Error::database("hash an object"))?;
        if self.objects.staged.contains(&id) {
            return Ok(id);
        }
        match self.rely_on_stored(id)? {
            SyncedObject::Durable => return Ok(id),
            // Does not wait for the pack of the batch, because there is none if the change turns out to have no effect.
            SyncedObject::Damaged => {
                let spool = &mut Spool::holding(bytes.to_owned());
                self.objects.loose.write(id, kind, spool)?;
                if !self.is_shared() {
                    return Ok(id);
                }
            }
            SyncedObject::Absent => {}
        }
        self.stage_new(id, kind, bytes)?;
        Ok(id)
    }

    /// Adds an object to the next pack. If a loose object with the same id exists, uses that one instead, because gix may find it before
    /// the copy in the pack. Does not search packs, because few of the objects that a write creates are in a pack already, and storing an
    /// object twice is harmless.
    pub(crate) fn stage_new(
        &mut self,
        id: gix::ObjectId,
        kind: gix::objs::Kind,
        bytes: &[u8],
    ) -> Result<()> {
        // Does not use loose objects, because machines share only packs.
        if self.is_shared() {
            self.objects.staged.add(id, kind, bytes);
            return self.sync_if_large();
        }
        match self.objects.loose.sync_existing(&id)? {
            SyncedObject::Durable if self.objects.loose.is_intact(&id) => return Ok(()),
            SyncedObject::Durable | SyncedObject::Damaged => {
                let spool = &mut Spool::holding(bytes.to_owned());
                return self.objects.loose.write(id, kind, spool);
            }
            SyncedObject::Absent => {}
        }
        self.objects.staged.add(id, kind, bytes);
        self.sync_if_large()
    }

    fn sync_if_large(&mut self) -> Result<()> {
        if self.objects.staged.size_bytes() >= STAGED_BYTES_MAX {
            self.sync()?;
        }
        Ok(())
    }

    /// Returns whether several machines share the repository.
    pub(crate) fn is_shared(&self) -> bool {
        self.parts.authority.is_shared()
    }

    /// Returns whether this process knows that the object is stored. To avoid listing the packs again for every new object, does not find
    /// objects that other processes have stored recently. Such an object is stored twice, which is harmless.
    pub(crate) fn seems_stored(&self, id: &gix::oid) -> bool {
        gix::objs::Exists::exists(&*self.objects.handles.without_refresh().objects, id)
    }

    /// Makes all objects of the transaction durable: fsyncs the loose objects, and writes the pack.
    pub(crate) fn sync(&mut self) -> Result<()> {
        let TxnObjects {
            handles,
            loose,
            staged,
            files,
            durable,
            packs,
            ..
        } = &mut self.objects;
        loose.sync()?;
        if !staged.is_empty() {
            let pack = staged.write(self.parts.root(), handles.format(), files.take())?;
            self.parts.packs.note_written(&pack);
            if self.parts.authority.is_shared() {
                packs.push(pack);
            }
            durable.extend(staged.ids());
            *staged = StagedObjects::default();
        }
        Ok(())
    }
}
