//! The repository as gix has it open, and when that is not to be believed any more.
//!
//! gix goes on finding objects in a pack that it has open after the pack was deleted; a commit that names them would be broken. So
//! the repository is opened again when objects were deleted, before a change looks whether an object is there.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use crate::repo::error::{Error, Result};
use crate::repo::failpoints::step;
use crate::repo::fs::names_in;
use crate::repo::lifecycle::locks::{self, Guard};
use crate::repo::lifecycle::open::{Repository, open_bare};
use crate::repo::packs::dir::Pack;

/// An open repository.
pub(crate) struct Opened {
    pub repo: Arc<gix::ThreadSafeRepository>,
    /// The hash function of its ids.
    pub format: gix::hash::Kind,
    /// The files in its `objects/pack` that were seen since.
    packs: HashSet<OsString>,
    /// The last `gc` before: see `lock.rs`.
    collected: u64,
    /// How often it was opened again because objects were deleted.
    pub opening: u64,
}

impl Opened {
    pub(crate) fn new(root: &Path) -> Result<Self> {
        // What is read before the repository is opened may be older than that, which is harmless.
        let collected = locks::last_collected(root);
        let packs = pack_names(root)?;
        let repo = open_bare(root)?;
        Ok(Self {
            format: repo.to_thread_local().object_hash(),
            repo: Arc::new(repo),
            packs,
            collected,
            opening: 0,
        })
    }
}

fn pack_names(root: &Path) -> Result<HashSet<OsString>> {
    let folder = root.join("objects/pack");
    match step("list packs").and_then(|()| names_in(&folder)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(HashSet::new()),
        names => Ok(names
            .map_err(Error::io("read", &folder))?
            .into_iter()
            .collect()),
    }
}

impl Repository {
    /// The hash function of the repository's ids; `None` while there is no repository.
    pub(crate) fn format(&self) -> Option<gix::hash::Kind> {
        let opened = self.shared.as_ref()?;
        Some(opened.read().unwrap_or_else(PoisonError::into_inner).format)
    }

    /// Opens the repository again if a `gc` deleted objects since it was opened. `lock` is held.
    pub(crate) fn forget_collected(&self, lock: &Guard) -> Result<()> {
        self.open_again_if(|opened| opened.collected != lock.last_collected())
    }

    /// Opens the repository again if a pack that was there is not any more, whoever deleted it; unless it was this process, because
    /// all of it is in another one.
    pub(crate) fn forget_deleted_packs(&self) -> Result<()> {
        let packs = pack_names(self.root())?;
        let replaced: HashSet<OsString> = {
            let known = self.durable();
            let replaced = known.replaced.iter();
            let replaced =
                replaced.filter(|(name, by)| !packs.contains(*name) && packs.contains(*by));
            replaced.map(|(name, _)| name.clone()).collect()
        };
        let is_lost = |name: &OsString| !packs.contains(name) && !replaced.contains(name);
        self.open_again_if(|opened| opened.packs.iter().any(is_lost))?;
        {
            let mut known = self.durable();
            // A pack that comes back under the same name is another file.
            known.packs.retain(|name| packs.contains(name));
            known.replaced.retain(|name, _| !replaced.contains(name));
        }
        if let Some(opened) = &self.shared {
            // Others are only forgotten together with the handle that may know them.
            let mut opened = opened.write().unwrap_or_else(PoisonError::into_inner);
            opened.packs.retain(|name| !replaced.contains(name));
            opened.packs.extend(packs);
        }
        Ok(())
    }

    /// Notes a pack that this process has written, durably.
    pub(crate) fn saw_pack(&self, pack: &Pack) {
        self.durable().packs.extend(pack.names());
        if let Some(opened) = &self.shared {
            let mut opened = opened.write().unwrap_or_else(PoisonError::into_inner);
            opened.packs.extend(pack.names());
        }
    }

    fn open_again_if(&self, is_stale: impl FnOnce(&Opened) -> bool) -> Result<()> {
        let Some(opened) = &self.shared else {
            return Ok(());
        };
        if is_stale(&opened.read().unwrap_or_else(PoisonError::into_inner)) {
            let fresh = Opened::new(self.root())?;
            let mut opened = opened.write().unwrap_or_else(PoisonError::into_inner);
            let opening = opened.opening + 1;
            *opened = Opened { opening, ..fresh };
        }
        Ok(())
    }
}
