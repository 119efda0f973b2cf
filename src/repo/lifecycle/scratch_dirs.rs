//! Our own files beside the repository: modules checked out for `filename`, and temporary files.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::names::ModuleHash;
use crate::repo::error::{Error, Result};
use crate::repo::fs::remove_if_there;
use crate::repo::fs::{create_dir, new_file, persist};
use crate::repo::objects::db::ObjectDb;
use crate::repo::parts::Parts;

/// A read-only file with the bytes of a module, `ROOT/wasmstore/files/<hash>.wasm`.
pub(crate) fn check_out(own_dir: &Path, hash: ModuleHash, bytes: &[u8]) -> Result<PathBuf> {
    let folder = files_dir(own_dir);
    let path = folder.join(format!("{hash}.wasm"));
    if fs::read(&path).is_ok_and(|there| there == bytes) {
        return Ok(path);
    }
    create_dir(own_dir)?;
    create_dir(&folder)?;
    let failed = || Error::io("write a file in", &folder);
    let mut file = new_file(&folder, 0o444).map_err(failed())?;
    file.write_all(bytes).map_err(failed())?;
    persist(file, &path)?;
    Ok(path)
}

/// Removes the checked-out files of modules that are gone.
pub(crate) fn clear_files(objects: &ObjectDb) -> Result<()> {
    for file in fs::read_dir(files_dir(&objects.own_dir()))
        .into_iter()
        .flatten()
        .flatten()
    {
        let path = file.path();
        let stem = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let is_gone = |hash: ModuleHash| objects.blob_size_bytes(hash).map(|size| size.is_none());
        if let Ok(hash) = stem.parse()
            && is_gone(hash)?
        {
            remove_if_there(&path)?;
        }
    }
    Ok(())
}

/// Removes what killed writers and power cuts left: temporary files, an index without its pack, the lock file of a ref. It does
/// so only if nobody writes at this moment, which proves that whoever made them is dead; else it leaves them to the next time.
/// It looks at a few files and at one folder of packs, however large the store is.
pub(crate) fn sweep(parts: &Parts) -> Result<()> {
    let has_files = |mut entries: fs::ReadDir| entries.next().is_some();
    let is_dirty = fs::read_dir(parts.objects.tmp_dir()).is_ok_and(has_files)
        || !parts.refs.own_locks().is_empty()
        || !parts.packs.lone_indices()?.is_empty();
    if !is_dirty {
        return Ok(());
    }
    let Some(_lock) = parts.locks.try_alone()? else {
        return Ok(());
    };
    clear_tmp(&parts.objects)?;
    parts.packs.clear_lone_indices()?;
    let _refs = parts.locks.refs()?;
    parts.refs.clear_dead_locks()
}

/// Empties `ROOT/wasmstore/tmp`; while `lock` is held exclusive.
pub(crate) fn clear_tmp(objects: &ObjectDb) -> Result<()> {
    empty(&objects.tmp_dir())
}

/// An empty folder for the packs that `gc` makes; while `backup.lock` is held.
pub(crate) fn gc_dir(own_dir: &Path) -> Result<PathBuf> {
    let folder = own_dir.join("gc");
    create_dir(&folder)?;
    empty(&folder)?;
    Ok(folder)
}

pub(crate) fn files_dir(own_dir: &Path) -> PathBuf {
    own_dir.join("files")
}

/// Removes what is in a folder.
fn empty(folder: &Path) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(Error::io("read", folder))?,
    };
    for entry in entries {
        let path = entry.map_err(Error::io("read", folder))?.path();
        match path.is_dir() {
            true => fs::remove_dir_all(&path).map_err(Error::io("remove", &path))?,
            false => remove_if_there(&path)?,
        }
    }
    Ok(())
}
