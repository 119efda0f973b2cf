//! Exports modules as files.

use std::fs;
use std::path::Path;

use super::error::{Error, Result};
use super::open::Store;
use super::revision::Revision;
use crate::names::{ModuleHash, ModulePath, TreePath};

impl Store {
    /// Writes every module in the tree at `revision` to a file with the same path below the directory `dir`. `dir` must be missing or
    /// empty. After each file, calls `progress` with the number of files written so far and the number of all files. Returns the number of
    /// files.
    ///
    /// # Errors
    /// `dir` is not empty, or cannot be written.
    pub fn export(
        &self,
        revision: &Revision,
        dir: &Path,
        progress: impl FnMut(usize, usize),
    ) -> Result<usize> {
        let modules = self.list(revision, &TreePath::root())?;
        write_modules(&modules, dir, |_, hash| self.bytes(hash), progress)
    }
}

/// Writes `modules` to files, like [`Store::export`]. Calls `bytes` to read each module.
///
/// # Errors
/// As for [`Store::export`]; the errors of `bytes`.
pub fn write_modules<B: AsRef<[u8]>, E: From<Error>>(
    modules: &[(ModulePath, ModuleHash)],
    dir: &Path,
    mut bytes: impl FnMut(&ModulePath, ModuleHash) -> Result<B, E>,
    mut progress: impl FnMut(usize, usize),
) -> Result<usize, E> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::File {
            action: "write",
            path,
            source,
        }
    };
    fs::create_dir_all(dir).map_err(failed(dir))?;
    if fs::read_dir(dir).map_err(failed(dir))?.next().is_some() {
        return Err(Error::TargetNotEmpty(dir.to_owned()).into());
    }
    for (done, (path, hash)) in (1..).zip(modules) {
        let file = dir.join(path.as_str());
        let parent = file.parent().expect("BUG: a path below dir has a parent");
        fs::create_dir_all(parent).map_err(failed(parent))?;
        fs::write(&file, bytes(path, *hash)?).map_err(failed(&file))?;
        progress(done, modules.len());
    }
    Ok(modules.len())
}
