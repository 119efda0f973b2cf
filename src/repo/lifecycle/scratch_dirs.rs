//! The directories in `ROOT/wasmstore` whose files can be deleted: checked-out modules, and temporary files.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::names::ModuleHash;
use crate::repo::error::{Error, Result};
use crate::repo::fs::{create_dir, new_file, persist, remove_if_there, remove_tree};
use crate::repo::objects::db::ObjectDb;
use crate::repo::parts::Parts;

/// Writes a module to the read-only file `ROOT/wasmstore/files/<hash>.wasm`, and returns its path.
pub(crate) fn check_out(own_dir: &Path, hash: ModuleHash, bytes: &[u8]) -> Result<PathBuf> {
    let dir = files_dir(own_dir);
    let path = dir.join(format!("{hash}.wasm"));
    if fs::read(&path).is_ok_and(|existing| existing == bytes) {
        return Ok(path);
    }
    create_dir(own_dir)?;
    create_dir(&dir)?;
    let failed = || Error::io("write a file in", &dir);
    let mut file = new_file(&dir, 0o444).map_err(failed())?;
    file.write_all(bytes).map_err(failed())?;
    persist(file, &path)?;
    Ok(path)
}

/// Removes the checked-out files of modules that do not exist any more.
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
        let is_collected =
            |hash: ModuleHash| objects.blob_size_bytes(hash).map(|size| size.is_none());
        if let Ok(hash) = stem.parse()
            && is_collected(hash)?
        {
            remove_if_there(&path)?;
        }
    }
    Ok(())
}

/// Removes the files left behind by killed writers and power cuts: temporary files, pack indices without a pack, and lock files of refs.
/// Takes `lock` exclusively: then no other process is writing, so such files are abandoned. Does nothing if another process holds `lock`.
/// Reads only a few files and the directory of the packs, however large the store is.
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

/// Empties `ROOT/wasmstore/tmp`. The caller holds `lock` exclusively.
pub(crate) fn clear_tmp(objects: &ObjectDb) -> Result<()> {
    clear_dir(&objects.tmp_dir())
}

/// Empties the directory for the packs that `gc` writes, and returns its path. The caller holds `backup.lock`.
pub(crate) fn gc_dir(own_dir: &Path) -> Result<PathBuf> {
    let dir = own_dir.join("gc");
    create_dir(&dir)?;
    clear_dir(&dir)?;
    Ok(dir)
}

/// Returns the directory of checked-out modules.
pub(crate) fn files_dir(own_dir: &Path) -> PathBuf {
    own_dir.join("files")
}

/// Removes everything in a directory.
fn clear_dir(dir: &Path) -> Result<()> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(Error::io("read", dir))?,
    };
    for entry in entries {
        let path = entry.map_err(Error::io("read", dir))?.path();
        if path.is_dir() {
            remove_tree(&path)?;
        } else {
            remove_if_there(&path)?;
        }
    }
    Ok(())
}
