//! A tree of modules as files.

use std::fs;
use std::path::Path;

use super::error::{Error, Result};
use super::open::Store;
use super::revision::Revision;
use crate::names::{ModuleHash, ModulePath, TreePath};

impl Store {
    /// Writes every module of the tree at `at` to a file of its path below the folder `dir`, which must be missing or empty.
    /// `progress` is called after each with the number done and the number in all. Returns how many there were.
    ///
    /// # Errors
    /// `dir` holds something, or cannot be written.
    pub fn export(
        &self,
        at: &Revision,
        dir: &Path,
        progress: impl FnMut(usize, usize),
    ) -> Result<usize> {
        let modules = self.list(at, &TreePath::root())?;
        write_modules(&modules, dir, |_, hash| self.bytes(hash), progress)
    }
}

/// The same with the modules given, whose bytes come from elsewhere.
///
/// # Errors
/// As for [`Store::export`], and those of `bytes`.
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
        let folder = file.parent().expect("BUG: a file below dir has a folder");
        fs::create_dir_all(folder).map_err(failed(folder))?;
        fs::write(&file, bytes(path, *hash)?).map_err(failed(&file))?;
        progress(done, modules.len());
    }
    Ok(modules.len())
}
