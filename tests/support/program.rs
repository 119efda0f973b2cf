//! A folder of its own for each test, the program and stock git run in it hermetically, and small modules.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// The two kinds of stores.
pub const FORMATS: [&str; 2] = ["sha1", "sha256"];

/// A home folder, with the default store in it or not yet, and a folder to work in.
pub struct World {
    dir: TempDir,
}

/// How a run of the program ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl World {
    /// Without a store.
    pub fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("home")).unwrap();
        fs::create_dir(dir.path().join("work")).unwrap();
        Self { dir }
    }

    /// With a new store of the given format.
    pub fn with_store(format: &str) -> Self {
        let world = Self::empty();
        assert_eq!(world.ok(&["init", "--object-format", format]), "");
        world
    }

    /// With a new store, once for each format.
    pub fn each() -> impl Iterator<Item = Self> {
        FORMATS.into_iter().map(Self::with_store)
    }

    /// The store that commands use by default.
    pub fn root(&self) -> PathBuf {
        self.dir.path().join("home/.wasmstore")
    }

    /// A path in the folder where commands run.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("work").join(name)
    }

    /// Writes a file where commands run, and returns its name.
    pub fn file<'n>(&self, name: &'n str, bytes: impl AsRef<[u8]>) -> &'n str {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        name
    }

    /// Makes a pipe where commands run, to which nobody writes.
    pub fn pipe(&self, name: &str) {
        let made = self.command("mkfifo").arg(name).status();
        assert!(made.unwrap().success());
    }

    /// Adds the module `n` at a path, and returns its hash.
    pub fn add(&self, path: &str, n: u32) -> String {
        self.file("added.wasm", module(n));
        let hash = self.changes(&["add", "added.wasm", path]);
        hash.trim_end().to_owned()
    }

    /// The hash of the module `n`, according to git.
    pub fn hash(&self, n: u32) -> String {
        let file = self.path("hashed.wasm");
        fs::write(&file, module(n)).unwrap();
        self.git(&["hash-object", "--no-filters", file.to_str().unwrap()])
    }

    /// The branch's tip, according to git.
    pub fn tip(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// A program that sees nothing of the machine but the path.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.dir.path().join("home"))
            .env("TZ", "UTC")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .current_dir(self.dir.path().join("work"))
            .stdin(Stdio::null());
        command
    }

    /// The program under test.
    pub fn wasmstore(&self, args: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_wasmstore"));
        command.args(args);
        command
    }

    /// The program under test, which SIGINT ends even if the test runner ignores SIGINT, as it does in the background of a script: a
    /// process inherits that.
    pub fn interruptible(&self, args: &[&str]) -> Command {
        let mut command = self.command("env");
        command.args(["--default-signal=INT", env!("CARGO_BIN_EXE_wasmstore")]);
        command.args(args);
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, args: &[&str]) -> Ran {
        self.wasmstore(args).output().unwrap().into()
    }

    /// Runs what has to succeed in silence; returns what it printed.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{args:?}");
        ran.out
    }

    /// The same, of what changes the store: git finds no fault with it afterwards.
    #[track_caller]
    pub fn changes(&self, args: &[&str]) -> String {
        let out = self.ok(args);
        self.fsck();
        out
    }

    /// Runs what has to print JSON.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        let out = self.ok(&[args, &["--json"]].concat());
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{args:?}: {error}: {out:?}"))
    }

    /// Runs what has to fail with `code` and one line of reason, and without any effect; returns the reason.
    #[track_caller]
    pub fn fails(&self, code: i32, args: &[&str]) -> String {
        let before = self.state();
        let ran = self.run(args);
        assert_eq!(
            (ran.code, ran.out.as_str()),
            (Some(code), ""),
            "{args:?}: {ran:?}"
        );
        assert_eq!(self.state(), before, "{args:?}");
        reason(&ran.err, args)
    }

    /// Runs git on the store.
    #[track_caller]
    pub fn git(&self, args: &[&str]) -> String {
        let mut git = self.command("git");
        let output = git.arg("--git-dir").arg(self.root()).args(args).output();
        let ran = Ran::from(output.unwrap());
        assert_eq!(ran.code, Some(0), "git {args:?}: {}", ran.err);
        ran.out.trim_end().to_owned()
    }

    /// Asks git for faults of the store.
    #[track_caller]
    pub fn fsck(&self) {
        assert_eq!(
            self.git(&["fsck", "--strict", "--full", "--no-dangling"]),
            ""
        );
    }

    /// Everything about the store that a failed command must leave as it was.
    pub fn state(&self) -> String {
        if !self.root().exists() {
            return "no store".to_owned();
        }
        let leftover = fs::read_dir(self.root().join("wasmstore/tmp"));
        let leftover = leftover.map_or(0, |files| files.count());
        let refs = self.git(&["for-each-ref"]);
        let head = self.git(&["symbolic-ref", "HEAD"]);
        let objects = self.git(&["count-objects", "-v"]);
        format!("{head}\n{refs}\n{objects}\n{leftover} files")
    }
}

/// The line on standard error, without the program's name. A second one may say what to do next.
#[track_caller]
pub fn reason(err: &str, args: &[&str]) -> String {
    let lines = err.strip_suffix('\n').unwrap_or_default();
    let line = lines.split_once("\nhint: ").map_or(lines, |(line, hint)| {
        assert!(
            !hint.contains('\n') && !hint.is_empty(),
            "{args:?}: {err:?}"
        );
        line
    });
    let reason = line.strip_prefix("wasmstore: ").unwrap_or_default();
    assert!(
        !reason.is_empty() && !reason.contains('\n'),
        "{args:?}: {err:?}"
    );
    reason.to_owned()
}

/// The module `n`: small, valid, and like no other.
pub fn module(n: u32) -> Vec<u8> {
    wat::parse_str(format!(r#"(module (func (export "f{n}")))"#)).unwrap()
}

/// Whether a file of this name is in a folder of the path.
pub fn has_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).exists())
}

/// Whether the system refuses to write where the permissions forbid it, as it does to all but root.
pub fn permissions_bind(folder: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let probe = folder.join("probe");
    fs::write(&probe, "").unwrap();
    fs::set_permissions(&probe, fs::Permissions::from_mode(0o000)).unwrap();
    let bind = fs::read(&probe).is_err();
    fs::remove_file(probe).unwrap();
    bind
}
