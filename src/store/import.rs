//! Imports a directory of modules in one commit.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::change::Change;
use super::error::{Error, Result};
use super::open::Store;
use super::put_files::ModuleFiles;
use crate::names::{self, Glob, ModuleHash, ModulePath, TreePath};
use crate::repo::Published;

/// A filter that selects the files of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportFilter {
    /// A file is imported only if one of these globs matches the file or a directory above it. An empty list matches every file.
    pub include: Vec<Glob>,
    /// A file is not imported if one of these globs matches the file or a directory above it.
    pub exclude: Vec<Glob>,
}

impl Store {
    /// Puts the files of a directory at their paths in one commit. [`ModuleFiles::in_directory`] selects the files. Calls `progress` like
    /// [`put_files`](Self::put_files), and returns the same result.
    ///
    /// # Errors
    /// The errors of [`ModuleFiles::in_directory`] and [`put_files`](Self::put_files). If there is an error, the branch is unchanged.
    pub fn import(
        &self,
        change: &Change,
        dir: &Path,
        prefix: &TreePath,
        filter: &ImportFilter,
        progress: impl FnMut(usize, usize),
    ) -> Result<Published<Vec<(ModulePath, ModuleHash)>>> {
        let files = ModuleFiles::in_directory(dir, prefix, filter)?;
        self.put_files(change, &files, progress)
    }
}

impl ModuleFiles {
    /// Returns every regular file below the directory `dir` that `filter` selects. The path of a module is `prefix`, followed by the path
    /// of the file relative to `dir`. Does not follow symbolic links.
    ///
    /// # Errors
    /// A directory cannot be read; the name of a file is not legal in the path of a module.
    pub fn in_directory(dir: &Path, prefix: &TreePath, filter: &ImportFilter) -> Result<Self> {
        let mut files = Vec::new();
        let top = Directory {
            path: dir.to_owned(),
            relative: Vec::new(),
            prefix: prefix.clone(),
            is_included: filter.include.is_empty(),
        };
        collect_files(&top, filter, &mut files)?;
        Self::new(prefix.clone(), files)
    }
}

/// A directory below the imported directory, or the imported directory.
struct Directory {
    path: PathBuf,
    /// The path relative to the imported directory. Globs are matched against it.
    relative: Vec<u8>,
    /// The path of the directory in the store.
    prefix: TreePath,
    /// Whether `ImportFilter::include` selects every file in the directory.
    is_included: bool,
}

/// Adds the selected regular files below `directory` to `files`, each with the path of its module.
fn collect_files(
    directory: &Directory,
    filter: &ImportFilter,
    files: &mut Vec<(ModulePath, PathBuf)>,
) -> Result<()> {
    let dir = &directory.path;
    for entry in std::fs::read_dir(dir).map_err(|error| Error::unreadable(dir, error))? {
        let entry = entry.map_err(|error| Error::unreadable(dir, error))?;
        let (name, path) = (entry.file_name(), entry.path());
        let kind = entry.file_type();
        let kind = kind.map_err(|error| Error::unreadable(&path, error))?;
        let mut relative = directory.relative.clone();
        if !relative.is_empty() {
            relative.push(b'/');
        }
        relative.extend_from_slice(name.as_bytes());
        let matches = |globs: &[Glob]| {
            let mut globs = globs.iter();
            globs.any(|glob| glob.matches(&relative, kind.is_dir()))
        };
        // The path of a module cannot contain `.git`. In a work tree, `.git` is the repository, or a file that names the repository.
        if name == ".git" || matches(&filter.exclude) {
            tracing::debug!(file = ?path, "skipped: excluded");
            continue;
        }
        let is_included = directory.is_included || matches(&filter.include);
        if !kind.is_dir() && !is_included {
            continue;
        }
        if !kind.is_dir() && !kind.is_file() {
            tracing::warn!(file = ?path, "skipped: neither a regular file nor a directory");
            continue;
        }
        let stored = || {
            let name = name.to_str().ok_or_else(|| not_utf8(&name))?;
            directory.prefix.join(name)
        };
        if kind.is_dir() {
            let inner = Directory {
                path,
                relative,
                prefix: stored()?,
                is_included,
            };
            collect_files(&inner, filter, files)?;
        } else {
            files.push((stored()?.try_into()?, path));
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

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn file_names_that_are_not_utf8_are_rejected() {
        let dir = tempfile::tempdir().unwrap();
        let name = OsStr::from_bytes(b"a\xff");
        if let Err(error) = File::create(dir.path().join(name)) {
            println!("skipped: this file system rejects names that are not UTF-8: {error}");
            return;
        }
        let top = Directory {
            path: dir.path().to_owned(),
            relative: Vec::new(),
            prefix: TreePath::root(),
            is_included: true,
        };
        let collect = |filter: &ImportFilter| {
            let mut files = Vec::new();
            collect_files(&top, filter, &mut files).map(|()| files)
        };
        let error = collect(&ImportFilter::default()).unwrap_err();
        assert_eq!(error.to_string(), r#"path segment "a\xFF" is not UTF-8"#);
        let excluding = ImportFilter {
            exclude: vec!["a*".parse().unwrap()],
            ..ImportFilter::default()
        };
        assert_eq!(collect(&excluding).unwrap(), []);
    }
}
