//! Mirrors, and the handle on all of a store's.
//!
//! A mirror is an ordinary git remote of the store with `mirror` set, however it came into the configuration. One that is fetched
//! from is none: that is where the store comes from, if it is a `git clone --mirror`.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::{Error, Result};
use crate::config::MirrorLimits;
use crate::git::{Git, Remote};
use crate::names::{MirrorName, RemoteUrl};
use crate::store::Store;

/// Another repository that is to be equal to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// What the remote is called.
    pub name: MirrorName,
    /// Where it is.
    pub url: RemoteUrl,
    /// Whether what is there was seen to be a mirror of this store, or is to become one in any case.
    pub(super) is_checked: bool,
}

/// All mirrors of a store.
pub struct Mirrors {
    pub(super) store: Arc<Store>,
    pub(super) git: Git,
    pub(super) limits: MirrorLimits,
    /// What the configuration said when it was read last, and which state of its file that was.
    known: Mutex<(Stamp, Vec<Mirror>)>,
    pub(super) counts: Mutex<BTreeMap<MirrorName, PushCounts>>,
}

/// How often this process has pushed to a mirror.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PushCounts {
    /// Pushes that succeeded.
    pub succeeded: u64,
    /// Pushes that failed.
    pub failed: u64,
}

/// Tells a file from one that was put in its place: device, inode, size, and time of the last change.
type Stamp = Option<(u64, u64, u64, i64, i64)>;

impl Mirrors {
    /// The mirrors of a store.
    ///
    /// # Errors
    /// `NoGit`.
    pub fn new(store: Arc<Store>, limits: MirrorLimits) -> Result<Self> {
        Ok(Self {
            git: Git::find(store.root()).ok_or(Error::NoGit)?,
            store,
            limits,
            known: Mutex::default(),
            counts: Mutex::default(),
        })
    }

    /// What the configuration says, sorted by name. It is read again when its file has changed.
    ///
    /// # Errors
    /// git fails.
    pub fn list(&self) -> Result<Vec<Mirror>> {
        if self.store.object_format().is_none() {
            return Ok(Vec::new());
        }
        let stamp = self.stamp();
        let mut known = lock(&self.known);
        if known.0.is_none() || known.0 != stamp {
            let remotes = self.git.remotes()?.into_iter();
            *known = (stamp, remotes.filter_map(mirror).collect());
        }
        Ok(known.1.clone())
    }

    /// The mirror of that name.
    ///
    /// # Errors
    /// `UnknownMirror`; git fails.
    pub fn find(&self, name: &MirrorName) -> Result<Mirror> {
        let found = self.list()?.into_iter().find(|mirror| mirror.name == *name);
        found.ok_or_else(|| Error::UnknownMirror(name.clone()))
    }

    /// Whether there still is a mirror of that name at that URL. One that cannot be looked for is there.
    pub(super) fn is_current(&self, mirror: &Mirror) -> bool {
        self.list().map_or(true, |mirrors| {
            let is_same = |other: &Mirror| other.name == mirror.name && other.url == mirror.url;
            mirrors.iter().any(is_same)
        })
    }

    fn stamp(&self) -> Stamp {
        let file = fs::metadata(self.store.root().join("config")).ok()?;
        Some((
            file.dev(),
            file.ino(),
            file.size(),
            file.mtime(),
            file.mtime_nsec(),
        ))
    }
}

impl Mirror {
    /// The file with what is known of it.
    pub(super) fn state_file(&self, store: &Store) -> PathBuf {
        store.mirrors_dir().join(format!("{}.json", self.name))
    }
}

fn mirror((name, remote): (String, Remote)) -> Option<Mirror> {
    if !remote.is_mirror || remote.is_fetched {
        return None;
    }
    let parsed = MirrorName::parse(&name).and_then(|name| {
        let url = RemoteUrl::parse(remote.url.as_deref().unwrap_or_default())?;
        Ok((name, url))
    });
    match parsed {
        Ok((name, url)) => Some(Mirror {
            is_checked: remote.checked == Some(url.to_string()),
            name,
            url,
        }),
        Err(error) => {
            tracing::warn!(remote = name, %error, "a remote cannot be a mirror");
            None
        }
    }
}

/// What a thread that panicked has left is whole: it is only ever replaced.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Mirrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mirrors")
            .field("root", &self.store.root())
            .finish_non_exhaustive()
    }
}
