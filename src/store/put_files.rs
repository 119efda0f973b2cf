//! Puts files at paths, in one commit.

use std::fs::File;
use std::path::PathBuf;

use super::change::Change;
use super::error::{Error, Result};
use super::open::Store;
use super::path_conditions::PathConditions;
use crate::names::{ModuleHash, ModulePath, TreePath};
use crate::repo::Published;

/// Files that contain modules, and the paths at which the modules are put.
#[derive(Clone, Debug, Default)]
pub struct ModuleFiles {
    directory: TreePath,
    /// The path of each module and its file, sorted by path.
    files: Vec<(ModulePath, PathBuf)>,
    /// What must be at the paths before the write.
    pub conditions: PathConditions,
}

impl ModuleFiles {
    /// Creates a list of files. The paths of the modules must be below `directory`.
    ///
    /// # Errors
    /// Two files have the same path.
    pub fn new(directory: TreePath, mut files: Vec<(ModulePath, PathBuf)>) -> Result<Self> {
        files.sort();
        let same = files.windows(2).find(|pair| pair[0].0 == pair[1].0);
        if let Some(pair) = same {
            return Err(Error::SamePath(pair[0].0.to_string()));
        }
        Ok(Self {
            directory,
            files,
            conditions: PathConditions::default(),
        })
    }

    /// Returns the directory that contains the paths of all modules.
    pub fn directory(&self) -> &TreePath {
        &self.directory
    }

    /// Returns the files, sorted by path.
    pub fn files(&self) -> &[(ModulePath, PathBuf)] {
        &self.files
    }

    /// Returns the path of a module relative to [`directory`](Self::directory).
    pub fn relative<'p>(&self, path: &'p ModulePath) -> &'p str {
        self.directory.relative(path.as_str()).unwrap_or_default()
    }
}

impl Store {
    /// Validates and stores modules from files, and puts them at their paths in one commit. Makes no commit if all paths have these modules
    /// already. After each file, calls `progress` with the number of files read so far and the number of all files. Returns the modules,
    /// sorted by path, and the branch's tip.
    ///
    /// # Errors
    /// The errors of [`put`](Self::put), for any of the files; a condition does not hold. If there is an error, the branch is unchanged.
    pub fn put_files(
        &self,
        change: &Change,
        files: &ModuleFiles,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Published<Vec<(ModulePath, ModuleHash)>>> {
        let (all, paths) = (files.files(), files.files().iter().map(|(path, _)| path));
        files.conditions.check_paths(paths.clone())?;
        self.check_free(change, paths)?;
        let mut modules = Vec::with_capacity(all.len());
        let mut txn = None;
        for (index, (path, file)) in all.iter().enumerate() {
            let source = File::open(file).map_err(|error| Error::unreadable(file, error))?;
            let mut upload = self.receive(&file.display().to_string(), source)?;
            if txn.is_none() {
                txn = Some(self.begin()?);
            }
            let txn = txn.as_mut().expect("BUG: set above");
            let hash = txn.add_blob(&mut upload.spool)?;
            self.note_validated(hash, &upload.info, upload.facts.take());
            modules.push((path.clone(), hash));
            progress(index + 1, all.len());
        }
        match txn {
            None => self.published_nothing(change),
            Some(txn) => {
                self.publish_modules(txn, change, (&files.directory, &files.conditions), modules)
            }
        }
    }
}
