//! Pushing with stock git to a path, which works like a push over ssh. Over HTTP, the same hooks run.

mod accepted;
mod crafted;
mod guarded;
mod limits;
mod many_refs;
mod over_http;
mod races;
mod refused;
mod rolled_up;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::program::{CommandOutput, World, module};

/// A clone of the world's store with a work tree, from which tests push.
pub struct Clone<'w> {
    pub world: &'w World,
    pub dir: PathBuf,
    /// The environment variables of the git commands.
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

    /// Adds an environment variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut git = self.world.command("git");
        for role in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{role}_NAME"), "Ann");
            git.env(format!("GIT_{role}_EMAIL"), "ann@example.org");
        }
        git.envs(self.variables.iter().cloned());
        git.current_dir(&self.dir).args(args);
        git
    }

    pub fn run(&self, args: &[&str]) -> CommandOutput {
        self.command(args).output().unwrap().into()
    }

    /// Runs git, and asserts that it succeeds.
    #[track_caller]
    pub fn git(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, Some(0), "git {args:?}: {}", ran.err);
        ran.out.trim_end().to_owned()
    }

    /// Runs git with `input` on its standard input, and asserts that it succeeds.
    pub fn git_with_input(&self, args: &[&str], input: &[u8]) -> String {
        let mut git = self.command(args);
        let mut git = git
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        git.stdin.take().unwrap().write_all(input).unwrap();
        let ran = CommandOutput::from(git.wait_with_output().unwrap());
        assert_eq!(ran.code, Some(0), "git {args:?}");
        ran.out.trim_end().to_owned()
    }

    /// Writes a file, and commits the whole work tree.
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

    /// Pushes, and asserts that the push is accepted.
    #[track_caller]
    pub fn pushes(&self, args: &[&str]) {
        let ran = self.run(&[&["push", "-q", "origin"], args].concat());
        assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.err);
        self.world.fsck();
    }

    /// Pushes, and asserts that the push is refused and changes no file of the store; returns git's error output.
    #[track_caller]
    pub fn refused(&self, args: &[&str]) -> String {
        let before = snapshot(&self.world.root());
        let ran = self.run(&[&["push", "origin"], args].concat());
        assert_eq!(ran.code, Some(1), "{args:?}: {}", ran.err);
        assert!(snapshot(&self.world.root()) == before, "{args:?}: changed");
        ran.err
    }
}

/// Returns every file of the repository with its content, except those in the directory `wasmstore`.
pub fn snapshot(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        files.insert(directory.clone(), Vec::new());
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                files.insert(path.clone(), std::fs::read(path).unwrap());
            } else if path != root.join("wasmstore") {
                directories.push(path);
            }
        }
    }
    files
}
