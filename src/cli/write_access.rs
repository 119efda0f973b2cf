//! Whether a server can write where it has to, looked at without writing.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::exit::{Error, Result};
use crate::store::{Guarded, Store};

/// Looks whether the store can be written, or be created where it is to be. One that is set up already is served all the same, but
/// for a replica: that is only warned of.
pub(super) fn check_write_access(store: &Store, is_replica: bool) -> Result<()> {
    let root = std::path::absolute(store.root()).unwrap_or_else(|_| store.root().to_owned());
    let refused = |path: PathBuf| write_in(&path).err().map(|source| (path, source));
    let Some((path, source)) = written(&root).into_iter().find_map(refused) else {
        return Ok(());
    };
    if is_read_only(&source) && !is_replica && is_set_up(store, &root)? {
        tracing::warn!("nothing can be changed: cannot write in {path:?}: {source}");
        return Ok(());
    }
    Err(Error::Unwritable { path, source })
}

/// What exists of the folders that are written: those of the store, or else the one in which it would be made.
fn written(root: &Path) -> Vec<PathBuf> {
    let is_there = |path: &Path| path.symlink_metadata().is_ok();
    let first = root.ancestors().find(|folder| is_there(folder));
    let mut folders = vec![first.unwrap_or(root).to_owned()];
    let within = ["wasmstore", "objects"].map(|name| root.join(name));
    folders.extend(within.into_iter().filter(|folder| is_there(folder)));
    folders
}

fn write_in(folder: &Path) -> io::Result<()> {
    if !folder.metadata()?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

fn is_read_only(error: &io::Error) -> bool {
    use io::ErrorKind as E;
    matches!(error.kind(), E::PermissionDenied | E::ReadOnlyFilesystem)
}

/// Whether a start finds nothing in the store that it has to write.
fn is_set_up(store: &Store, root: &Path) -> Result<bool> {
    let is_there = store.object_format().is_some() && root.join("wasmstore").is_dir();
    Ok(is_there && !matches!(store.push_hooks()?, Guarded::Missing(_)))
}
