//! Imports a directory of modules in one commit.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::change::Change;
use super::commit_messages as message;
use super::error::{Error, Result};
use super::open::Store;
use crate::names::{self, ModuleHash, ModulePath, TreePath};

impl Store {
    /// Validates and stores every regular file below the directory `dir`, and puts the modules below `prefix` in one commit. Does not
    /// follow symbolic links. Calls `progress` after each file with the numbers of imported and of all files. Returns the modules, sorted
    /// by path.
    ///
    /// # Errors
    /// As for `put`, for any of the files. Then the branch is unchanged.
    pub fn import(
        &self,
        change: &Change,
        dir: &Path,
        prefix: &TreePath,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Vec<(ModulePath, ModuleHash)>> {
        let mut files = Vec::new();
        collect_files(dir, prefix, &mut files)?;
        files.sort();
        self.check_free(change, files.iter().map(|(path, _)| path))?;
        let mut modules = Vec::with_capacity(files.len());
        let mut txn = None;
        for (index, (path, file)) in files.iter().enumerate() {
            let source = File::open(file).map_err(read_failed(file))?;
            let mut upload = self.receive(&file.display().to_string(), source)?;
            if txn.is_none() {
                txn = Some(self.begin()?);
            }
            let txn = txn.as_mut().expect("BUG: set above");
            modules.push((path.clone(), txn.add_blob(&mut upload.spool)?));
            progress(index + 1, files.len());
        }
        let Some(txn) = txn else {
            return Ok(modules);
        };
        self.publish(txn, change.branch.as_ref(), |draft| {
            draft.set(&modules)?;
            let message = || message::import(prefix);
            Ok((change.commit_if_changed(draft, Vec::new(), message), ()))
        })?;
        Ok(modules)
    }
}

/// Collects the regular files below `dir`, with the module path that each is imported as.
fn collect_files(
    dir: &Path,
    prefix: &TreePath,
    files: &mut Vec<(ModulePath, PathBuf)>,
) -> Result<()> {
    for entry in std::fs::read_dir(dir).map_err(read_failed(dir))? {
        let entry = entry.map_err(read_failed(dir))?;
        let file = entry.path();
        let kind = entry.file_type().map_err(read_failed(&file))?;
        if !kind.is_dir() && !kind.is_file() {
            tracing::warn!(?file, "skipped: neither a regular file nor a directory");
            continue;
        }
        let name = entry.file_name();
        let path = prefix.join(name.to_str().ok_or_else(|| not_utf8(&name))?)?;
        if kind.is_dir() {
            collect_files(&file, &path, files)?;
        } else {
            files.push((path.try_into()?, file));
        }
    }
    Ok(())
}

fn not_utf8(name: &OsStr) -> names::Error {
    names::Error::PathSegment {
        segment: format!("{name:?}"),
        fault: "is not UTF-8",
    }
}

fn read_failed(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File {
        action: "read",
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn file_names_that_are_not_utf8_are_rejected() {
        let dir = tempfile::tempdir().unwrap();
        let name = OsStr::from_bytes(b"a\xff");
        if let Err(error) = File::create(dir.path().join(name)) {
            println!("skipped: this file system rejects names that are not UTF-8: {error}");
            return;
        }
        let mut files = Vec::new();
        let error = collect_files(dir.path(), &TreePath::root(), &mut files).unwrap_err();
        assert_eq!(error.to_string(), r#"path segment "a\xFF" is not UTF-8"#);
    }
}
