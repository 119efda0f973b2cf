//! The directory `objects/pack`: which packs exist, and which of them this process knows to be durable.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::repo::error::{Error, Result};
use crate::repo::failpoints::step;
use crate::repo::fs::{remove_if_there, sync_dirs_up_to, sync_file};
use crate::repo::locks::Locks;
use crate::repo::objects::copies::read_object;
use crate::repo::objects::count::ObjectCounts;
use crate::repo::objects::db::ObjectDb;
use crate::repo::objects::gix_handle::pack_file_names;
use crate::repo::packs::derived::{Deletion, remove_derived};
use crate::repo::packs::entry::PackEntry;
use crate::repo::packs::pack::{self, Pack, packs_in};
use crate::repo::packs::roll_up::{DurablePacks, RollUp};
use crate::repo::packs::writer::PackWriter;

/// The maximum number of times that the packs are listed, if each time a listed pack is deleted before it can be fsynced.
const LISTINGS_MAX: usize = 100;

/// The packs of a repository.
pub(crate) struct PackDir {
    objects: Arc<ObjectDb>,
    durable: Arc<Mutex<DurablePacks>>,
    roll_up: RollUp,
}

impl PackDir {
    pub(crate) fn new(objects: Arc<ObjectDb>, locks: Locks) -> Self {
        let durable = Arc::default();
        Self {
            roll_up: RollUp::new(objects.root(), locks, Arc::clone(&durable)),
            objects,
            durable,
        }
    }

    fn path(&self) -> PathBuf {
        self.objects.root().join("objects/pack")
    }

    fn durable(&self) -> MutexGuard<'_, DurablePacks> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lists the packs, except those that a `.keep` or `.promisor` file protects from deletion.
    pub(crate) fn list(&self) -> Result<Vec<Pack>> {
        packs_in(self.objects.root())
    }

    /// Counts the packs, and the objects in them.
    pub(crate) fn count(&self) -> Result<ObjectCounts> {
        let mut counts = ObjectCounts::default();
        let Some(format) = self.objects.format() else {
            return Ok(counts);
        };
        for pack in self.list()? {
            counts.packs += 1;
            if let Some(index) = pack.index(format)? {
                counts.packed += u64::from(index.num_objects());
            }
        }
        Ok(counts)
    }

    /// Records a pack that this process wrote durably.
    pub(crate) fn note_written(&self, pack: &Pack) {
        self.durable().files.extend(pack.names());
        self.objects.note_packs(&HashSet::new(), pack.names());
    }

    /// Opens the repository again if any process has deleted a pack that gix may have open, or if gix has too few slots for the existing
    /// packs. Ignores each pack that this process deleted after copying all of its objects into another pack.
    pub(crate) fn forget_deleted(&self) -> Result<()> {
        // `version` is read before the packs are listed: if another thread opens the repository again in between, `cleaned_at` is outdated,
        // and the next call cleans up once more.
        let version = self.objects.shared_handle().map(|handle| handle.version());
        let existing = pack_file_names(self.objects.root())?;
        if self.has_exactly(&existing) {
            return Ok(());
        }
        let existing: HashSet<OsString> = existing.into_iter().collect();
        let replaced: HashSet<OsString> = {
            let durable = self.durable();
            let replaced = durable.replaced.iter();
            let replaced =
                replaced.filter(|(name, by)| !existing.contains(*name) && existing.contains(*by));
            replaced.map(|(name, _)| name.clone()).collect()
        };
        let is_lost = |name: &OsString| !existing.contains(name) && !replaced.contains(name);
        self.objects.reopen_if(|handle| {
            handle.packs.iter().any(is_lost) || handle.needs_more_slots(existing.len())
        })?;
        {
            let mut durable = self.durable();
            // A pack that appears again under the same name is a new file, which is not known to be durable.
            durable.files.retain(|name| existing.contains(name));
            durable.replaced.retain(|name, _| !replaced.contains(name));
            durable.has_unlisted = false;
            durable.cleaned_at = version.unwrap_or_default();
        }
        // Only the names of replaced packs are removed here. The names of packs that another process deleted were dropped together with the
        // old handle, which may have had these packs open.
        self.objects.note_packs(&replaced, existing);
        Ok(())
    }

    /// Returns whether the files in `objects/pack` are exactly those that gix may have open, and no name needs to be removed from
    /// `durable`. This is the usual case before a batch, and comparing one set of names takes much less time than comparing several. The
    /// version of the handle is compared, too: if the repository was opened again, the new handle does not list packs that were deleted
    /// before, but `durable` may still have their names.
    fn has_exactly(&self, existing: &[OsString]) -> bool {
        let unchanged = self.objects.shared_handle().and_then(|handle| {
            let is_unchanged =
                handle.has_exactly(existing) && !handle.needs_more_slots(existing.len());
            is_unchanged.then(|| handle.version())
        });
        let durable = self.durable();
        unchanged == Some(durable.cleaned_at) && !durable.has_unlisted
    }

    /// Fsyncs every pack that this process does not know to be durable.
    pub(crate) fn sync_all(&self) -> Result<()> {
        for _ in 1..LISTINGS_MAX {
            match self.sync_listed() {
                // A roll-up deleted a pack after it was listed. Its objects are in a new pack, which the next listing finds.
                Err(error) if error.io_kind() == Some(io::ErrorKind::NotFound) => {}
                result => return result,
            }
        }
        self.sync_listed()
    }

    fn sync_listed(&self) -> Result<()> {
        let dir = self.path();
        // The mutex is held until the end, so that two threads do not fsync the same packs.
        let mut durable = self.durable();
        let mut new = Vec::new();
        for entry in fs::read_dir(&dir).map_err(Error::io("read", &dir))? {
            let path = entry.map_err(Error::io("read", &dir))?.path();
            let extension = path.extension().unwrap_or_default();
            let is_pack = ["pack", "idx", "rev"].iter().any(|part| extension == *part);
            let name = path.file_name().unwrap_or_default();
            if is_pack && !durable.files.contains(name) {
                step("fsync found pack").map_err(Error::io("fsync", &path))?;
                sync_file(&path)?;
                new.push(name.to_owned());
            }
        }
        if !new.is_empty() {
            sync_dirs_up_to(&dir, &self.objects.root().join("objects"))?;
            durable.files.extend(new);
            durable.has_unlisted = true;
        }
        Ok(())
    }

    /// Writes objects of the repository into a durable pack without deltas. The pack's files are created in the directory `tmp` and then
    /// renamed.
    pub(crate) fn write(
        &self,
        repo: &gix::Repository,
        ids: &[gix::ObjectId],
        tmp: &Path,
    ) -> Result<Pack> {
        let mut pack = PackWriter::new(tmp, repo.object_hash(), ids.len())?;
        for id in ids {
            let object = read_object(repo, *id, "pack object")?;
            pack.add(*id, &PackEntry::new(object.kind, &object.data)?)?;
        }
        pack.install(self.objects.root())
    }

    /// Starts a roll-up in the background if there are enough small packs; called after a batch was published.
    pub(crate) fn roll_up_when_due(&self) {
        self.roll_up.start_when_due(self.objects.format());
    }

    /// Returns every index without a pack.
    pub(crate) fn lone_indices(&self) -> Result<Vec<PathBuf>> {
        pack::lone_indices(self.objects.root())
    }

    /// Removes every index without a pack. No other process may be writing.
    pub(crate) fn clear_lone_indices(&self) -> Result<()> {
        let lone = self.lone_indices()?;
        if !lone.is_empty() {
            remove_derived(self.objects.root(), Deletion::Packs)?;
        }
        for index in lone {
            tracing::warn!(?index, "removing an index without its pack");
            remove_if_there(&index)?;
        }
        Ok(())
    }

    /// Removes the temporary files of packs that git left incomplete, for example because the disk was full. `is_dead` receives the time of
    /// a file's last change, and returns whether the file is abandoned.
    pub(crate) fn clear_pack_leftovers(&self, is_dead: impl Fn(SystemTime) -> bool) -> Result<()> {
        let dir = self.path();
        for entry in fs::read_dir(&dir).map_err(Error::io("read", &dir))? {
            let entry = entry.map_err(Error::io("read", &dir))?;
            let is_temporary = entry.file_name().to_string_lossy().starts_with("tmp_");
            let changed = entry.metadata().and_then(|file| file.modified());
            if is_temporary && changed.is_ok_and(&is_dead) {
                remove_if_there(&entry.path())?;
            }
        }
        Ok(())
    }
}
