//! Parses the positional arguments of `add`: one file and its module path, or files and a directory of the store.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::exit::{Error, Result};
use crate::names::{self, ModulePath, TreePath};
use crate::store::ModuleFiles;

/// The files that `add` stores, and their paths in the store.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AddTarget {
    /// One file. If `path` is `None`, the file's name is the module path.
    Module {
        file: PathBuf,
        path: Option<ModulePath>,
    },
    /// One or more files. Each is stored in `directory` under its own name.
    Directory {
        files: Vec<PathBuf>,
        directory: TreePath,
    },
}

impl AddTarget {
    /// Parses the arguments of `add`: the first is `file`, the others are `more`. Two arguments are a file and a module path, as in the
    /// original wasmstore 0.3. If there are more than two, or if the last ends with a slash, the last is a directory of the store, and all
    /// others are files.
    ///
    /// # Errors
    /// The path is malformed; the last of three or more arguments is a file on disk, as in `add *.wasm` without a directory.
    pub fn parse(file: PathBuf, mut more: Vec<OsString>) -> Result<Self> {
        let Some(last) = more.pop() else {
            return Ok(Self::Module { file, path: None });
        };
        let text = last.to_str().ok_or_else(|| not_utf8(&last))?;
        let is_directory = text.ends_with('/');
        if more.is_empty() && !is_directory {
            let path = ModulePath::parse(text).map_err(|error| {
                if is_other_module_on_disk(&file, text) {
                    Error::FileAsPath(file.clone(), text.into())
                } else {
                    error.into()
                }
            })?;
            return Ok(Self::Module {
                file,
                path: Some(path),
            });
        }
        if !is_directory && Path::new(&last).is_file() {
            return Err(Error::FileAsDirectory(last.into()));
        }
        let directory = TreePath::parse(text)?;
        let more = more.into_iter().map(PathBuf::from);
        let files: Vec<_> = [file].into_iter().chain(more).collect();
        if files.iter().any(|file| file == Path::new("-")) {
            let reason = "`-` reads one module, which needs a path: `wasmstore add - PATH`";
            return Err(Error::Usage(reason));
        }
        Ok(Self::Directory { files, directory })
    }
}

/// Returns the second of two arguments if it is the path in the store, but also another module on disk. Perhaps the user wants to store
/// both modules, for example with `add *.wasm` in a directory of two modules.
pub(super) fn other_module_on_disk(file: &Path, more: &[OsString]) -> Option<PathBuf> {
    let [second] = more else { return None };
    is_other_module_on_disk(file, second.to_str()?).then(|| second.into())
}

/// Returns whether the second of two arguments is probably another module on disk, and not a path in the store: it names an existing file
/// `*.wasm` whose file name differs from that of the first argument. If both file names are equal, the second argument is a path in the
/// store, as in `add target/add.wasm math/add.wasm`: a store often has the same directories as a work tree. An argument with a leading
/// slash is always a path in the store.
fn is_other_module_on_disk(first: &Path, second: &str) -> bool {
    let path = Path::new(second);
    let is_module = path
        .extension()
        .is_some_and(|extension| extension == "wasm");
    is_module
        && !second.starts_with('/')
        && first != Path::new("-")
        && path.file_name() != first.file_name()
        && path.is_file()
}

/// Returns each file with its module path: `directory`, followed by the file's name.
///
/// # Errors
/// A file cannot be read, is not a regular file, or its name cannot be part of a path; two files have the same name.
pub(super) fn files_in(directory: TreePath, files: Vec<PathBuf>) -> Result<ModuleFiles> {
    let mut named = Vec::with_capacity(files.len());
    for file in files {
        let metadata = fs::metadata(&file).and_then(|metadata| match metadata.is_dir() {
            true => Err(io::ErrorKind::IsADirectory.into()),
            false if !metadata.is_file() => Err(io::Error::other("not a regular file")),
            false => Ok(metadata),
        });
        if let Err(source) = metadata {
            return Err(Error::Input { path: file, source });
        }
        let name = file.file_name().unwrap_or_default();
        let name = name.to_str().ok_or_else(|| not_utf8(name))?;
        named.push((directory.join(name)?.try_into()?, file));
    }
    Ok(ModuleFiles::new(directory, named)?)
}

fn not_utf8(name: &OsStr) -> names::Error {
    names::Error::PathSegment {
        segment: format!("{name:?}"),
        fault: "is not UTF-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<AddTarget> {
        let more = args[1..].iter().map(OsString::from).collect();
        AddTarget::parse(args[0].into(), more)
    }

    #[test]
    fn two_arguments_are_a_file_and_a_path() {
        for (args, path) in [
            (&["a.wasm"][..], None),
            (&["a.wasm", "b.wasm"], Some("b.wasm")),
            (&["a.wasm", "/d/b"], Some("d/b")),
            (&["-", "b"], Some("b")),
        ] {
            let path = path.map(|path| path.parse().unwrap());
            let file = args[0].into();
            assert_eq!(
                parse(args).unwrap(),
                AddTarget::Module { file, path },
                "{args:?}"
            );
        }
    }

    #[test]
    fn a_second_module_on_disk_is_no_path_in_the_store() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("b.wasm");
        fs::write(&file, "x").unwrap();
        // All tests run in one process, so this test must not change the working directory. It builds a path relative to the working
        // directory.
        let up = "../".repeat(std::env::current_dir().unwrap().components().count());
        let relative = format!("{up}{}", &file.to_str().unwrap()[1..]);
        let error = parse(&["a.wasm", &relative]).unwrap_err();
        assert!(matches!(error, Error::FileAsPath(..)), "{error}");
        assert!(!is_other_module_on_disk(Path::new("x/b.wasm"), &relative));
        assert!(!is_other_module_on_disk(Path::new("-"), &relative));
        assert!(!is_other_module_on_disk(
            Path::new("a.wasm"),
            file.to_str().unwrap()
        ));
        assert!(!is_other_module_on_disk(
            Path::new("a.wasm"),
            &format!("{relative}x")
        ));
    }

    #[test]
    fn more_arguments_or_a_slash_mean_a_directory() {
        for (args, directory) in [
            (&["a", "d/"][..], "d"),
            (&["a", "/"], ""),
            (&["a", "b", "d/e"], "d/e"),
            (&["a", "b", "c", "/d/"], "d"),
        ] {
            let files = args[..args.len() - 1].iter().map(PathBuf::from).collect();
            let directory = directory.parse().unwrap();
            let expected = AddTarget::Directory { files, directory };
            assert_eq!(parse(args).unwrap(), expected, "{args:?}");
        }
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.wasm");
        fs::write(&file, "x").unwrap();
        let expanded = parse(&["a", "b", file.to_str().unwrap()]).unwrap_err();
        assert!(matches!(expanded, Error::FileAsDirectory(_)), "{expanded}");
        for args in [
            &["-", "d/"][..],
            &["a", "-", "d"],
            &["a", "../b"],
            &["a", ""],
        ] {
            assert!(parse(args).is_err(), "{args:?}");
        }
    }
}
