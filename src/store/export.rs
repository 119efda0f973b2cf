//! A tree of modules as files.

use std::fs;
use std::path::Path;

use super::error::{Error, Result};
use super::open::Store;
use super::view::At;
use crate::names::TreePath;

impl Store {
    /// Writes every module of the tree at `at` to a file of its path below the folder `dir`, which must be missing or empty.
    /// `progress` is called after each with the number done and the number in all. Returns how many there were.
    ///
    /// # Errors
    /// `dir` holds something, or cannot be written.
    pub fn export(
        &self,
        at: &At,
        dir: &Path,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<usize> {
        let modules = self.list(at, &TreePath::root())?;
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
            return Err(Error::TargetNotEmpty(dir.to_owned()));
        }
        for (done, (path, hash)) in modules.iter().enumerate() {
            let file = dir.join(path.as_str());
            let folder = file.parent().expect("BUG: a file below dir has a folder");
            fs::create_dir_all(folder).map_err(failed(folder))?;
            fs::write(&file, self.bytes(*hash)?).map_err(failed(&file))?;
            progress(done + 1, modules.len());
        }
        Ok(modules.len())
    }
}
