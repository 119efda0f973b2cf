//! Pushing with stock git: by a path here, as over ssh. Over HTTP the same hooks run.

mod accepted;
mod crafted;
mod guarded;
mod many_refs;
mod over_http;
mod races;
mod refused;
mod rolled_up;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::program::{Ran, World, module};

/// A clone of the world's store with a work tree, whose owner may push.
pub struct Clone<'w> {
    pub world: &'w World,
    pub dir: PathBuf,
    /// What is in the environment of what is pushed with.
    pub variables: Vec<(String, String)>,
}

impl<'w> Clone<'w> {
    pub fn of(world: &'w World, name: &str) -> Self {
        let dir = world.path(name);
        let root = world.root();
        let mut git = world.command("git");
        let cloned = git.args(["clone", "-q"]).arg(root).arg(&dir).output();
        assert!(cloned.unwrap().status.success());
        let program = env!("CARGO_BIN_EXE_wasmstore").to_owned();
        Self {
            world,
            dir,
            variables: vec![("WASMSTORE_PROGRAM".to_owned(), program)],
        }
    }

    /// The same with another variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut git = self.world.command("git");
        for who in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{who}_NAME"), "Ann");
            git.env(format!("GIT_{who}_EMAIL"), "ann@example.org");
        }
        git.envs(self.variables.iter().cloned());
        git.current_dir(&self.dir).args(args);
        git
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        self.command(args).output().unwrap().into()
    }

    /// Runs git, which has to succeed.
    #[track_caller]
    pub fn git(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, Some(0), "git {args:?}: {}", ran.err);
        ran.out.trim_end().to_owned()
    }

    /// The same with something on its standard input.
    pub fn git_with_input(&self, args: &[&str], input: &[u8]) -> String {
        let mut git = self.command(args);
        let mut git = git
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        git.stdin.take().unwrap().write_all(input).unwrap();
        let ran = Ran::from(git.wait_with_output().unwrap());
        assert_eq!(ran.code, Some(0), "git {args:?}");
        ran.out.trim_end().to_owned()
    }

    /// Writes a file, and commits all that is there.
    pub fn commit(&self, path: &str, bytes: impl AsRef<[u8]>) -> String {
        let file = self.dir.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
        self.commit_all()
    }

    pub fn commit_all(&self) -> String {
        self.git(&["add", "--all", "--force"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "work"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Commits the module `n`.
    pub fn module(&self, path: &str, n: u32) -> String {
        self.commit(path, module(n))
    }

    /// Pushes what has to be accepted.
    #[track_caller]
    pub fn pushes(&self, args: &[&str]) {
        let ran = self.run(&[&["push", "-q", "origin"], args].concat());
        assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.err);
        self.world.fsck();
    }

    /// Pushes what has to be refused, with nothing left of it; returns what the person sees.
    #[track_caller]
    pub fn refused(&self, args: &[&str]) -> String {
        let before = snapshot(&self.world.root());
        let ran = self.run(&[&["push", "origin"], args].concat());
        assert_eq!(ran.code, Some(1), "{args:?}: {}", ran.err);
        assert!(snapshot(&self.world.root()) == before, "{args:?}: changed");
        ran.err
    }
}

/// Every file of the repository with what is in it, but for what is derived or momentary.
pub fn snapshot(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        files.insert(folder.clone(), Vec::new());
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true if path == root.join("wasmstore") => {}
                true => folders.push(path),
                false => drop(files.insert(path.clone(), std::fs::read(path).unwrap())),
            }
        }
    }
    files
}
