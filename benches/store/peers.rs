//! Measures stock git, and the command `wasmstore hash`, on an imported store.

use std::process::Command;

use wasmstore::names::ModulePath;

use crate::Result;
use crate::git::{CatFile, Git, output_of};
use crate::samples::{Times, sample};
use crate::shape::Shape;

/// The number of runs of each command.
const RUNS: usize = 20;

/// The measurements of the commands on one store.
#[derive(Clone, Copy, Debug)]
pub struct Peers {
    /// `git --version`: the time of a process
    pub version: Times,
    /// `git log --format=%H -- PATH`
    pub log: Times,
    /// `git rev-parse HEAD:PATH`
    pub rev_parse: Times,
    /// `wasmstore hash /PATH`
    pub hash: Times,
    /// `git cat-file --batch`, for `HEAD:PATH`
    pub cat_file: Times,
}

/// Measures the store of `git`.
pub fn measure(git: &Git, shape: Shape, samples: u64) -> Result<Peers> {
    let paths = shape.random_paths(samples + 1);
    let few = || paths.iter().map(|(path, _)| path).take(RUNS + 1);
    let mut cat_file = CatFile::open(git)?;
    Ok(Peers {
        version: sample(few(), |_| git.output(&["--version"]))?,
        log: sample(few(), |path| log(git, shape, path))?,
        rev_parse: sample(few(), |path| {
            git.output(&["rev-parse", &format!("HEAD:{}", path.as_str())])
        })?,
        hash: sample(few(), |path| hash(git, path))?,
        cat_file: sample(&paths, |(path, n)| {
            let bytes = cat_file.get(&format!("HEAD:{}", path.as_str()))?;
            if bytes.len() != shape.module(*n).len() {
                return Err(format!("git cat-file finds another module at {path}").into());
            }
            Ok(())
        })?,
    })
}

fn log(git: &Git, shape: Shape, path: &ModulePath) -> Result<()> {
    let path = shape.versioned_path(path);
    let log = git.output(&["log", "--format=%H", "--", path.as_str()])?;
    if log.lines().count() != shape.version_count() {
        return Err(format!("git log finds other versions of {path}: {log}").into());
    }
    Ok(())
}

fn hash(git: &Git, path: &ModulePath) -> Result<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasmstore"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("WASMSTORE_") {
            command.env_remove(name);
        }
    }
    command.arg("--root").arg(git.root());
    command.args(["hash", &path.to_string()]);
    output_of(&mut command)
}
