//! The operations on the configuration of a repository and on the files next to it: mirrors, the rules for names, and the hooks.

use std::path::PathBuf;
use std::time::Duration;

use super::Repository;
use crate::names::{MirrorName, RemoteUrl};
use crate::repo::error::Result;
use crate::repo::lifecycle::hooks::{self, PushHooks};
use crate::repo::lifecycle::mirror_lock::{self, MirrorLock};
use crate::repo::lifecycle::{mirror_config, name_rules};

impl Repository {
    /// Takes the lock of a mirror; `None` if another process still holds it after `limit`.
    ///
    /// # Errors
    /// The lock file cannot be created.
    pub fn lock_mirror(&self, name: &MirrorName, limit: Duration) -> Result<Option<MirrorLock>> {
        mirror_lock::lock(&self.parts, name, limit)
    }

    /// Returns the directory for the state of mirrors, `ROOT/wasmstore/mirrors`. It is created when a mirror is locked for
    /// the first time.
    pub fn mirrors_dir(&self) -> PathBuf {
        mirror_lock::dir(&self.parts.own_dir())
    }

    /// Adds a mirror to the configuration, durably. A mirror is a git remote to which the store is pushed.
    ///
    /// # Errors
    /// The configuration cannot be read or written.
    pub fn add_mirror(&self, name: &MirrorName, url: &RemoteUrl) -> Result<()> {
        mirror_config::add(&self.parts, name, url)
    }

    /// Changes the URL of a mirror's git remote in the configuration, durably.
    ///
    /// # Errors
    /// The configuration cannot be read or written.
    pub fn set_mirror_url(&self, name: &MirrorName, url: &RemoteUrl) -> Result<()> {
        mirror_config::set_url(&self.parts, name, url)
    }

    /// Fsyncs the configuration, which git may have changed.
    ///
    /// # Errors
    /// The configuration cannot be fsynced.
    pub fn sync_config(&self) -> Result<()> {
        mirror_config::sync(self.root())
    }

    /// Returns whether the configuration required portable names (names that Windows and macOS accept and do not treat as equal to another
    /// name) when the store was opened.
    pub fn requires_portable_names(&self) -> bool {
        name_rules::requires_portable(&self.parts.objects)
    }

    /// Configures the store to require portable names. The rule applies to every process that opens the store from now on.
    ///
    /// # Errors
    /// The configuration cannot be written.
    pub fn require_portable_names(&self) -> Result<()> {
        name_rules::require_portable(&self.parts)
    }

    /// Installs the hooks that route pushes through wasmstore, and the configuration that they need.
    ///
    /// # Errors
    /// The repository cannot be written.
    pub fn install_push_hooks(&self) -> Result<PushHooks> {
        hooks::install(&self.parts)
    }

    /// Returns whether pushes are routed through wasmstore.
    ///
    /// # Errors
    /// The hooks or the configuration cannot be read.
    pub fn push_hooks(&self) -> Result<PushHooks> {
        hooks::installed(&self.parts)
    }

    /// Returns whether git cannot run the hooks, because the file system of the repository is mounted with `noexec`.
    pub fn is_noexec(&self) -> bool {
        hooks::is_noexec(self.root())
    }
}
