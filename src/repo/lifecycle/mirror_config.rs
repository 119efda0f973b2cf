//! The configuration of mirrors: git remotes (git-remote(1)).
//!
//! wasmstore does not call git-remote(1) to write this configuration, because a URL may contain a password, and every user of the machine
//! can read the arguments of a process.

use std::path::Path;

use crate::names::{MirrorName, RemoteUrl};
use crate::repo::error::Result;
use crate::repo::fs::{sync_dir, sync_file};
use crate::repo::lifecycle::config::configure;
use crate::repo::parts::Parts;

/// Adds a remote as `git remote add --mirror=push` does.
pub(crate) fn add(parts: &Parts, name: &MirrorName, url: &RemoteUrl) -> Result<()> {
    let url_key = format!("remote.{name}.url");
    let mirror_key = format!("remote.{name}.mirror");
    let _refs_lock = parts.locks.refs()?;
    let settings = [(&*url_key, url.secret()), (&*mirror_key, "true")];
    configure(parts.root(), &settings)
}

/// Changes the URL of a remote.
pub(crate) fn set_url(parts: &Parts, name: &MirrorName, url: &RemoteUrl) -> Result<()> {
    let key = format!("remote.{name}.url");
    let _refs_lock = parts.locks.refs()?;
    configure(parts.root(), &[(&key, url.secret())])
}

/// Fsyncs the configuration, which git may have changed.
pub(crate) fn sync(root: &Path) -> Result<()> {
    sync_file(&root.join("config"))?;
    sync_dir(root)
}
