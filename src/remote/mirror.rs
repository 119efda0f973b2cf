//! Mirrors, and the handle on all mirrors of a store.
//!
//! A mirror is an ordinary git remote of the store with `mirror` set, no matter how it came into the configuration. A remote with a
//! fetch refspec is not a mirror: in a `git clone --mirror`, it is the repository that the store comes from.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::{Error, Result};
use crate::config::MirrorLimits;
use crate::git::{Git, RemoteConfig};
use crate::names::{MirrorName, RemoteUrl};
use crate::store::Store;

/// Another repository that is kept equal to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// The remote's name.
    pub name: MirrorName,
    /// The repository's URL.
    pub url: RemoteUrl,
    /// Whether pushes may overwrite the repository: it was found to be a mirror of this store or empty, or the user forced it.
    pub(super) is_checked: bool,
}

/// All mirrors of a store.
pub struct Mirrors {
    pub(super) store: Arc<Store>,
    pub(super) git: Git,
    pub(super) limits: MirrorLimits,
    /// The mirrors as last read from the configuration.
    cached: Mutex<CachedMirrors>,
    /// The numbers of pushes of this process to each mirror. Each push updates them; the metrics read them.
    pub(super) counts: Mutex<BTreeMap<MirrorName, PushCounts>>,
}

/// The mirrors in a version of the configuration file.
#[derive(Default)]
struct CachedMirrors {
    version: Option<FileVersion>,
    mirrors: Vec<Mirror>,
}

/// The numbers of pushes of this process to a mirror.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PushCounts {
    /// Pushes that succeeded.
    pub succeeded: u64,
    /// Pushes that failed.
    pub failed: u64,
}

/// Distinguishes a file from an earlier version of it: device, inode, size and modification time.
#[derive(PartialEq, Eq)]
struct FileVersion {
    device: u64,
    inode: u64,
    size_bytes: u64,
    modified: (i64, i64),
}

impl Mirrors {
    /// Returns the mirrors of a store.
    ///
    /// # Errors
    /// `NoGit`.
    pub fn new(store: Arc<Store>, limits: MirrorLimits) -> Result<Self> {
        Ok(Self {
            git: Git::find(store.root()).ok_or(Error::NoGit)?,
            store,
            limits,
            cached: Mutex::default(),
            counts: Mutex::default(),
        })
    }

    /// Returns the mirrors in the store's configuration, sorted by name. The configuration is read again when its file has changed.
    ///
    /// # Errors
    /// git fails.
    pub fn list(&self) -> Result<Vec<Mirror>> {
        if self.store.object_format().is_none() {
            return Ok(Vec::new());
        }
        // Determined before the file is read: if the file changes in between, the next call reads it again.
        let version = self.config_version();
        let mut cached = lock(&self.cached);
        if cached.version.is_none() || cached.version != version {
            let remotes = self.git.remotes()?.into_iter();
            let mirrors = remotes.filter_map(mirror_of_remote).collect();
            *cached = CachedMirrors { version, mirrors };
        }
        Ok(cached.mirrors.clone())
    }

    /// Returns the mirror with this name.
    ///
    /// # Errors
    /// `UnknownMirror`; git fails.
    pub fn find(&self, name: &MirrorName) -> Result<Mirror> {
        let found = self.list()?.into_iter().find(|mirror| mirror.name == *name);
        found.ok_or_else(|| Error::UnknownMirror(name.clone()))
    }

    /// Returns whether the mirror is still configured with this URL. Returns `true` if the configuration cannot be read.
    pub(super) fn is_current(&self, mirror: &Mirror) -> bool {
        self.list().map_or(true, |mirrors| {
            let is_same = |other: &Mirror| other.name == mirror.name && other.url == mirror.url;
            mirrors.iter().any(is_same)
        })
    }

    fn config_version(&self) -> Option<FileVersion> {
        let file = fs::metadata(self.store.root().join("config")).ok()?;
        Some(FileVersion {
            device: file.dev(),
            inode: file.ino(),
            size_bytes: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
        })
    }
}

impl Mirror {
    /// Returns the path of the mirror's state file.
    pub(super) fn state_file(&self, store: &Store) -> PathBuf {
        store.mirrors_dir().join(format!("{}.json", self.name))
    }
}

/// Converts a git remote; `None` if it is not a mirror.
fn mirror_of_remote((name, remote): (String, RemoteConfig)) -> Option<Mirror> {
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
            tracing::warn!(remote = name, %error, "ignoring a remote: it cannot be a mirror");
            None
        }
    }
}

/// Locks a mutex. Its data is valid even if a thread panicked while it held the lock, since every update is a single step.
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
