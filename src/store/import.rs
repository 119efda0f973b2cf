//! Many modules in one commit.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::commit_messages as message;
use super::error::{Error, Result};
use super::open::{Change, Store};
use super::put::judged;
use crate::names::{self, ModuleHash, ModulePath, TreePath};

impl Store {
    /// Validates and stores every regular file below the folder `dir`, and puts them below `prefix`, all in one commit.
    /// Symbolic links are not followed. `progress` is called after each file with the number done and the number in all.
    /// Returns what was put where, sorted by path.
    ///
    /// # Errors
    /// As for `put`, for any of the files; the branch is as it was then.
    pub fn import(
        &self,
        change: &Change,
        dir: &Path,
        prefix: &TreePath,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Vec<(ModulePath, ModuleHash)>> {
        let mut files = Vec::new();
        collect(dir, prefix, &mut files)?;
        files.sort();
        self.check_free(change, files.iter().map(|(path, _)| path))?;
        let mut modules = Vec::with_capacity(files.len());
        let mut writing = None;
        for (done, (path, file)) in files.iter().enumerate() {
            let source = File::open(file).map_err(read_failed(file))?;
            let mut received = self.receive(&file.display().to_string(), source)?;
            if writing.is_none() {
                writing = Some(self.begin()?);
            }
            let writing = writing.as_mut().expect("BUG: set above");
            modules.push((path.clone(), writing.add_blob(&mut received.spool)?));
            progress(done + 1, files.len());
        }
        let Some(writing) = writing else {
            return Ok(modules);
        };
        self.publish(writing, change.branch.as_ref(), |draft| {
            draft.set(&modules)?;
            Ok((
                judged(change, draft, Vec::new(), || message::import(prefix)),
                (),
            ))
        })?;
        Ok(modules)
    }
}

fn collect(dir: &Path, at: &TreePath, files: &mut Vec<(ModulePath, PathBuf)>) -> Result<()> {
    for entry in std::fs::read_dir(dir).map_err(read_failed(dir))? {
        let entry = entry.map_err(read_failed(dir))?;
        let file = entry.path();
        let kind = entry.file_type().map_err(read_failed(&file))?;
        if !kind.is_dir() && !kind.is_file() {
            tracing::warn!(?file, "skipped: neither a regular file nor a folder");
            continue;
        }
        let name = entry.file_name();
        let path = at.join(name.to_str().ok_or_else(|| not_utf8(&name))?)?;
        if kind.is_dir() {
            collect(&file, &path, files)?;
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
    fn a_name_that_is_not_utf8_is_refused_and_not_changed() {
        let dir = tempfile::tempdir().unwrap();
        let name = OsStr::from_bytes(b"a\xff");
        if let Err(error) = File::create(dir.path().join(name)) {
            println!("skipped: this file system takes no such name: {error}");
            return;
        }
        let mut files = Vec::new();
        let error = collect(dir.path(), &TreePath::root(), &mut files).unwrap_err();
        assert_eq!(error.to_string(), r#"path segment "a\xFF" is not UTF-8"#);
    }
}
