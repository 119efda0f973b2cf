//! Stock git, and our own command, on a store as it was imported.

use std::process::Command;

use wasmstore::names::ModulePath;

use crate::Result;
use crate::git::{CatFile, Git, printed};
use crate::samples::{Times, sample};
use crate::shape::Shape;

/// How often a command is run.
const RUNS: usize = 20;

/// What was measured beside the operations of one store.
#[derive(Clone, Copy, Debug)]
pub struct Peers {
    /// `git --version`: what a process takes.
    pub nothing: Times,
    /// `git log --format=%H -- PATH`
    pub log: Times,
    /// `git rev-parse HEAD:PATH`
    pub rev_parse: Times,
    /// `wasmstore hash /PATH`
    pub hash: Times,
    /// `git cat-file --batch`, asked for `HEAD:PATH`
    pub cat_file: Times,
}

/// Measures the store that `git` is on.
pub fn measure(git: &Git, shape: Shape, samples: u64) -> Result<Peers> {
    let some = shape.some(samples + 1);
    let few = || some.iter().map(|(path, _)| path).take(RUNS + 1);
    let mut cat_file = CatFile::open(git)?;
    Ok(Peers {
        nothing: sample(few(), |_| git.output(&["--version"]))?,
        log: sample(few(), |path| log(git, shape, path))?,
        rev_parse: sample(few(), |path| {
            git.output(&["rev-parse", &format!("HEAD:{}", path.as_str())])
        })?,
        hash: sample(few(), |path| hash(git, path))?,
        cat_file: sample(&some, |(path, n)| {
            let bytes = cat_file.get(&format!("HEAD:{}", path.as_str()))?;
            match bytes.len() == shape.module(*n).len() {
                true => Ok(()),
                false => Err(format!("git cat-file finds another module at {path}").into()),
            }
        })?,
    })
}

fn log(git: &Git, shape: Shape, path: &ModulePath) -> Result<()> {
    let path = shape.versioned(path);
    let log = git.output(&["log", "--format=%H", "--", path.as_str()])?;
    match log.lines().count() == shape.versions() {
        true => Ok(()),
        false => Err(format!("git log finds other versions of {path}: {log}").into()),
    }
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
    printed(&mut command)
}
