//! The parts of an open repository, which all operations on it share.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::CacheLimits;
use crate::repo::authority::{Authority, LocalRefs};
use crate::repo::error::Result;
use crate::repo::following::Following;
use crate::repo::locks::Locks;
use crate::repo::objects::db::ObjectDb;
use crate::repo::packs::dir::PackDir;
use crate::repo::refs::store::RefStore;

/// Objects, packs, refs and locks of one repository. Each field owns its state; publishing, pushes, gc and verification combine the fields.
pub(crate) struct Parts {
    pub locks: Locks,
    pub objects: Arc<ObjectDb>,
    pub packs: PackDir,
    pub refs: RefStore,
    /// Decides whether a ref moves: the files of the refs, or the manifest in a bucket.
    pub authority: Arc<dyn Authority>,
    pub following: Following,
}

impl Parts {
    /// Opens the repository at `root`.
    ///
    /// # Errors
    /// `NotAStore` if `root` is not a bare repository in a supported format; the directory cannot be read.
    pub(crate) fn open(
        root: &Path,
        cache: &CacheLimits,
        authority: Arc<dyn Authority>,
    ) -> Result<Self> {
        Ok(Self::of(ObjectDb::open(root, cache)?, authority))
    }

    /// Returns the parts (objects, packs, refs and locks) of a repository that does not exist yet. Reads find no objects and no refs.
    pub(crate) fn absent(root: &Path, cache: &CacheLimits) -> Self {
        Self::of(ObjectDb::absent(root, cache), Arc::new(LocalRefs))
    }

    fn of(objects: ObjectDb, authority: Arc<dyn Authority>) -> Self {
        let objects = Arc::new(objects);
        let locks = Locks::new(objects.own_dir());
        Self {
            packs: PackDir::new(Arc::clone(&objects), locks.clone()),
            refs: RefStore::new(Arc::clone(&objects)),
            objects,
            locks,
            authority,
            following: Following::default(),
        }
    }

    /// Starts a roll-up of small packs in the background if one is due; called after a batch was published. Does nothing in a copy of a
    /// bucket, whose packs are rolled up in the shared state: see `gc/shared_roll_up.rs`.
    pub(crate) fn roll_up_when_due(&self) {
        if !self.authority.is_shared() {
            self.packs.roll_up_when_due();
        }
    }

    /// Returns the directory of the repository.
    pub(crate) fn root(&self) -> &Path {
        self.objects.root()
    }

    /// Returns the directory of wasmstore's own files, `ROOT/wasmstore`.
    pub(crate) fn own_dir(&self) -> PathBuf {
        self.objects.own_dir()
    }
}
