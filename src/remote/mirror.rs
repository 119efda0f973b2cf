//! The mirrors in the configuration of a store.
//!
//! A mirror is an ordinary git remote of the store with `mirror` set. It does not matter whether wasmstore or the user added it to the
//! configuration. A remote that also has a fetch refspec is not a mirror: `git clone --mirror` configures the repository from which it
//! cloned in this way.

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

/// A repository whose refs wasmstore keeps equal to the refs of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// The name of the git remote.
    pub name: MirrorName,
    /// The URL of the mirror's repository.
    pub url: RemoteUrl,
    /// Whether pushes may overwrite the repository. True if a check has found it empty or a mirror of this store, or if the user added it
    /// with `--force`.
    pub(super) is_checked: bool,
}

/// All mirrors of a store.
pub struct Mirrors {
    pub(super) store: Arc<Store>,
    pub(super) git: Git,
    pub(super) limits: MirrorLimits,
    /// The mirrors as last read from the configuration.
    cached: Mutex<CachedMirrors>,
    /// How many pushes to each mirror have succeeded and failed in this process. Each push updates the numbers; the metrics read them.
    pub(super) counts: Mutex<BTreeMap<MirrorName, PushCounts>>,
}

/// The mirrors that were read from the configuration file, and the version of the file from which they were read.
#[derive(Default)]
struct CachedMirrors {
    version: Option<FileVersion>,
    mirrors: Vec<Mirror>,
}

/// How many pushes to a mirror have succeeded and failed in this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PushCounts {
    /// The number of pushes that succeeded.
    pub succeeded: u64,
    /// The number of pushes that failed.
    pub failed: u64,
}

/// The metadata of a file by which a changed file is detected: device, inode, size and modification time.
#[derive(PartialEq, Eq)]
struct FileVersion {
    device: u64,
    inode: u64,
    size_bytes: u64,
    modified: (i64, i64),
}

impl Mirrors {
    /// Creates the handle on the mirrors of a store. Does not read the configuration yet.
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
        // The version is determined before git reads the file. If the file changes in between, the next call sees another version and reads
        // it again.
        let version = self.config_version();
        let mut cached = lock(&self.cached);
        if cached.version.is_none() || cached.version != version {
            let remotes = self.git.remotes()?.into_iter();
            let mirrors = remotes.filter_map(mirror_of_remote).collect();
            *cached = CachedMirrors { version, mirrors };
        }
        Ok(cached.mirrors.clone())
    }

    /// Returns the mirror named `name`.
    ///
    /// # Errors
    /// `UnknownMirror`; git fails.
    pub fn find(&self, name: &MirrorName) -> Result<Mirror> {
        let found = self.list()?.into_iter().find(|mirror| mirror.name == *name);
        found.ok_or_else(|| Error::UnknownMirror(name.clone()))
    }

    /// Returns whether the configuration still has this mirror with this URL. Returns `true` if the configuration cannot be read.
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

/// Converts a git remote to a mirror; `None` if the remote is not a mirror.
fn mirror_of_remote((name, remote): (String, RemoteConfig)) -> Option<Mirror> {
    if !remote.is_mirror || remote.has_fetch_refspec {
        return None;
    }
    let parsed = MirrorName::parse(&name).and_then(|name| {
        let url = RemoteUrl::parse(remote.url.as_deref().unwrap_or_default())?;
        Ok((name, url))
    });
    match parsed {
        Ok((name, url)) => Some(Mirror {
            is_checked: remote.verified_url == Some(url.to_string()),
            name,
            url,
        }),
        Err(error) => {
            tracing::warn!(remote = name, %error, "ignoring a remote: it cannot be a mirror");
            None
        }
    }
}

/// Locks a mutex. Ignores that a thread may have panicked while it held the lock: every update of the data is a single step, so the data is
/// valid.
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
