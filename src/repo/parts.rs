//! The parts of an open repository, which all operations on it share.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::CacheLimits;
use crate::repo::error::Result;
use crate::repo::locks::Locks;
use crate::repo::objects::db::ObjectDb;
use crate::repo::packs::dir::PackDir;
use crate::repo::refs::store::RefStore;

/// Objects, packs, refs and locks of one repository. Each owns its state; publishing, pushes, gc and verification combine them.
pub(crate) struct Parts {
    pub locks: Locks,
    pub objects: Arc<ObjectDb>,
    pub packs: PackDir,
    pub refs: RefStore,
}

impl Parts {
    /// Opens the repository at `root`.
    ///
    /// # Errors
    /// `NotAStore` if it is not a bare repository in a supported format; the directory cannot be read.
    pub(crate) fn open(root: &Path, cache: &CacheLimits) -> Result<Self> {
        Ok(Self::of(ObjectDb::open(root, cache)?))
    }

    /// Returns the parts of a repository that does not exist yet; they read as empty.
    pub(crate) fn absent(root: &Path, cache: &CacheLimits) -> Self {
        Self::of(ObjectDb::absent(root, cache))
    }

    fn of(objects: ObjectDb) -> Self {
        let objects = Arc::new(objects);
        let locks = Locks::new(objects.own_dir());
        Self {
            packs: PackDir::new(Arc::clone(&objects), locks.clone()),
            refs: RefStore::new(Arc::clone(&objects)),
            objects,
            locks,
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
