//! The objects of a write to a repository that several machines share. An object is durable there once the shared state contains a pack
//! with the object. So each object that a new commit names must be in such a pack, or in a pack that the next swap adds.

use crate::repo::authority::PackFiles;
use crate::repo::error::{Error, Result};
use crate::repo::objects::copies::{find_object, loose_path};
use crate::repo::objects::find::exists;
use crate::repo::objects::spool::Spool;
use crate::repo::packs::pack::Pack;
use crate::repo::packs::writer::PackWriter;
use crate::repo::publish::write_txn::{ExistingObject, WriteTxn};

impl WriteTxn<'_> {
    /// Writes one object into a pack of its own. If several machines share the repository, uploads the pack to the bucket at once, so that
    /// the upload of a large object does not delay the later swap of the manifest.
    pub(crate) fn write_pack_of(
        &mut self,
        id: gix::ObjectId,
        kind: gix::objs::Kind,
        spool: &mut Spool,
    ) -> Result<()> {
        let format = self.objects.handles.format();
        let mut writer = PackWriter::new(&self.parts.objects.tmp_dir(), format, 1)?;
        writer.add_stream(id, kind, spool.size_bytes(), &mut spool.reader()?)?;
        let pack = writer.install(self.parts.root())?;
        self.parts.packs.note_written(&pack);
        self.parts.authority.keep(&PackFiles::from(&pack))?;
        self.objects.add_packs(&[pack]);
        Ok(())
    }

    /// Looks up again the existing objects that a change needs. Since the first look-up, a gc of another machine may have removed them from
    /// the shared state. If so, the next atomic change of the shared state adds them again: this repository still has them.
    pub(crate) fn recheck_existing_objects(&mut self, objects: &[ExistingObject]) -> Result<()> {
        for object in objects {
            match object {
                ExistingObject::Blob(id) => {
                    if !self.share_existing_object(*id)? {
                        return Err(Error::Missing { id: id.to_string() });
                    }
                }
                ExistingObject::Commit(commit) => drop(self.sync_history_of(*commit)?),
            }
        }
        Ok(())
    }

    /// Forgets which local packs the shared state lacks, because the shared state may have changed.
    pub(crate) fn forget_unnamed(&mut self) {
        self.objects.unnamed = None;
    }

    /// Adds an existing object to the next swap (atomic change of the shared state), unless the shared state has the object already.
    /// Returns whether the object exists.
    pub(crate) fn share_existing_object(&mut self, id: gix::ObjectId) -> Result<bool> {
        if self.objects.staged.contains(&id) {
            return Ok(true);
        }
        if let Some(pack) = self.unnamed_pack_with(&id)? {
            self.objects.add_packs(&[pack]);
            return Ok(true);
        }
        let fresh = self.parts.objects.handle_for(id)?;
        if let Some(object) = self.loose_object(&fresh, &id)? {
            self.objects.staged.add(id, object.0, &object.1);
            return Ok(true);
        }
        // If the object exists, it is in a pack that the shared state contains.
        Ok(exists(&fresh, &id))
    }

    fn unnamed_pack_with(&mut self, id: &gix::oid) -> Result<Option<Pack>> {
        if self.objects.unnamed.is_none() {
            self.objects.unnamed = Some(self.parts.unnamed_packs()?);
        }
        let unnamed = self.objects.unnamed.as_ref();
        Ok(unnamed.and_then(|unnamed| unnamed.pack_with(id)).cloned())
    }

    /// Reads an object that is stored as a loose object; `None` if it is not.
    fn loose_object(
        &self,
        repo: &gix::Repository,
        id: &gix::oid,
    ) -> Result<Option<(gix::objs::Kind, Vec<u8>)>> {
        if !loose_path(self.parts.root(), id).exists() {
            return Ok(None);
        }
        let object = find_object(repo, id.to_owned());
        let object = object.map_err(Error::database(format!("read object {id}")))?;
        Ok(object.map(|object| (object.kind, object.detach().data)))
    }
}
