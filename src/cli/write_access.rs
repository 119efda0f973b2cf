//! Checks whether a server can write to its store, without writing anything.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::exit::{Error, Result};
use crate::store::{PushHooks, Store};

/// Checks that the server can write to the store, or can create it. If the store is read-only but already set up, only logs a warning,
/// because a server can serve reads from it. For a replica, that is an error: it must write what it fetches.
pub(super) fn check_write_access(store: &Store, is_replica: bool) -> Result<()> {
    let root = std::path::absolute(store.root()).unwrap_or_else(|_| store.root().to_owned());
    let denied = |path: PathBuf| {
        let source = check_directory(&path).err()?;
        Some((path, source))
    };
    let Some((path, source)) = directories_to_write(&root).into_iter().find_map(denied) else {
        return Ok(());
    };
    if is_read_only(&source) && !is_replica && is_set_up(store, &root)? {
        tracing::warn!("the store is read-only: cannot write in {path:?}: {source}");
        return Ok(());
    }
    Err(Error::Unwritable { path, source })
}

/// Returns the existing directories in which a server writes: those of the store or, if there is no store yet, the directory in which the
/// server creates it.
fn directories_to_write(root: &Path) -> Vec<PathBuf> {
    let exists = |path: &Path| path.symlink_metadata().is_ok();
    let first = root.ancestors().find(|directory| exists(directory));
    let mut directories = vec![first.unwrap_or(root).to_owned()];
    let inner = ["wasmstore", "objects"].map(|name| root.join(name));
    directories.extend(inner.into_iter().filter(|directory| exists(directory)));
    directories
}

/// Checks that files can be created in a directory.
pub(super) fn check_directory(directory: &Path) -> io::Result<()> {
    if !directory.metadata()?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(access(directory, Access::WRITE_OK | Access::EXEC_OK)?)
}

fn is_read_only(error: &io::Error) -> bool {
    use io::ErrorKind as E;
    matches!(error.kind(), E::PermissionDenied | E::ReadOnlyFilesystem)
}

/// Returns whether the store exists with its hooks and its `wasmstore` directory, so that a server can start without writing to it.
fn is_set_up(store: &Store, root: &Path) -> Result<bool> {
    let exists = store.object_format().is_some() && root.join("wasmstore").is_dir();
    Ok(exists && !matches!(store.push_hooks()?, PushHooks::Missing(_)))
}
