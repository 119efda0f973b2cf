//! Runs the program and stock git in a temporary directory for each test, without the user's configuration. Makes small modules.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// The object formats of stores.
pub const FORMATS: [&str; 2] = ["sha1", "sha256"];

/// The temporary directory of a test. It contains a home directory, in which the program creates the default store, and a working
/// directory.
pub struct World {
    dir: TempDir,
}

/// The exit code of a program, and what it wrote to standard output and standard error.
#[derive(Debug)]
pub struct CommandOutput {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for CommandOutput {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl World {
    /// Creates a world without a store.
    pub fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("home")).unwrap();
        fs::create_dir(dir.path().join("work")).unwrap();
        Self { dir }
    }

    /// Creates a world with a new store of this object format.
    pub fn with_store(format: &str) -> Self {
        let world = Self::empty();
        assert_eq!(world.ok(&["init", "--object-format", format]), "");
        world
    }

    /// Creates one world for each object format, each with a new store.
    pub fn each() -> impl Iterator<Item = Self> {
        FORMATS.into_iter().map(Self::with_store)
    }

    /// Returns the path of the default store.
    pub fn root(&self) -> PathBuf {
        self.dir.path().join("home/.wasmstore")
    }

    /// Returns the path of a file in the working directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("work").join(name)
    }

    /// Writes a file in the working directory, and returns its name.
    pub fn file<'n>(&self, name: &'n str, bytes: impl AsRef<[u8]>) -> &'n str {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        name
    }

    /// Creates a FIFO, to which nothing writes, in the working directory.
    pub fn pipe(&self, name: &str) {
        let status = self.command("mkfifo").arg(name).status();
        assert!(status.unwrap().success());
    }

    /// Adds the module `n` at a path, and returns its hash.
    pub fn add(&self, path: &str, n: u32) -> String {
        self.file("added.wasm", module(n));
        // The leading slash marks a path in the store, also if there is a file on disk with this name.
        let path = format!("/{}", path.trim_start_matches('/'));
        let hash = self.changes(&["add", "added.wasm", &path]);
        hash.trim_end().to_owned()
    }

    /// Lets stock git compute the hash of the module `n`.
    pub fn hash(&self, n: u32) -> String {
        let file = self.path("hashed.wasm");
        fs::write(&file, module(n)).unwrap();
        self.git(&["hash-object", "--no-filters", file.to_str().unwrap()])
    }

    /// Lets stock git read the tip of the default branch.
    pub fn tip(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// Returns a command whose environment contains only `PATH` and fixed values.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(find_program(program).unwrap_or_else(|| program.into()));
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

    /// Returns a command of the program under test.
    pub fn wasmstore(&self, args: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_wasmstore"));
        command.args(args);
        command
    }

    /// Returns a command of the program under test that SIGINT terminates. If the test runner ignores SIGINT, as it does in the background
    /// of a script, child processes inherit that; `env` restores the default.
    pub fn interruptible(&self, args: &[&str]) -> Command {
        let mut command = self.command("env");
        command.args(["--default-signal=INT", env!("CARGO_BIN_EXE_wasmstore")]);
        command.args(args);
        command
    }

    /// Runs the program, and returns its result.
    pub fn run(&self, args: &[&str]) -> CommandOutput {
        self.wasmstore(args).output().unwrap().into()
    }

    /// Runs the program and returns its standard output. The program must succeed, and print nothing on standard error except the report of
    /// a change.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(
            (ran.code, without_report(&ran.err)),
            (Some(0), ""),
            "{args:?}"
        );
        ran.out
    }

    /// Runs a command like [`ok`](Self::ok), and then checks the store with `git fsck`. For commands that change the store.
    #[track_caller]
    pub fn changes(&self, args: &[&str]) -> String {
        let out = self.ok(args);
        self.fsck();
        out
    }

    /// Runs the program with `--json`, and returns the parsed output.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        let out = self.ok(&[args, &["--json"]].concat());
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{args:?}: {error}: {out:?}"))
    }

    /// Runs the program and returns its error message. The program must fail with the exit code `code` and an error of one line, and must
    /// not change the store.
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

    /// Runs git on the store, and returns its output.
    #[track_caller]
    pub fn git(&self, args: &[&str]) -> String {
        let mut git = self.command("git");
        let output = git.arg("--git-dir").arg(self.root()).args(args).output();
        let ran = CommandOutput::from(output.unwrap());
        assert_eq!(ran.code, Some(0), "git {args:?}: {}", ran.err);
        ran.out.trim_end().to_owned()
    }

    /// Asserts that `git fsck` reports nothing.
    #[track_caller]
    pub fn fsck(&self) {
        assert_eq!(
            self.git(&["fsck", "--strict", "--full", "--no-dangling"]),
            ""
        );
    }

    /// Returns a text about everything in the store that a failed command must not change: refs, objects and temporary files.
    pub fn state(&self) -> String {
        if !self.root().exists() {
            return "no store".to_owned();
        }
        let leftovers =
            fs::read_dir(self.root().join("wasmstore/tmp")).map_or(0, |files| files.count());
        let refs = self.git(&["for-each-ref"]);
        let head = self.git(&["symbolic-ref", "HEAD"]);
        let objects = self.git(&["count-objects", "-v"]);
        format!("{head}\n{refs}\n{objects}\n{leftovers} files")
    }
}

/// Returns the text without the lines at its beginning that report a change, the creation of a store, or that there is none. `err` is standard error.
pub fn without_report(err: &str) -> &str {
    match err.split_once('\n') {
        Some((line, rest)) if is_report(line) => without_report(rest),
        _ => err,
    }
}

/// Returns whether a line on standard error reports what a command changed.
pub fn is_report(line: &str) -> bool {
    let verbs = [
        "committed ",
        "created a store at ",
        "dropped versions: ",
        "freed ",
        "created branch ",
        "created tag ",
        "deleted tag ",
        "merged: ",
        "moved tag ",
        "moved from ",
        "no module matches",
        "not put back: ",
        "nothing changed: ",
        "replaced tag ",
        "squashed ",
        "the store has no mirror: ",
        "there is no store at ",
        "wrote ",
    ];
    verbs.iter().any(|verb| line.starts_with(verb))
}

/// Returns the error message on standard error, without the name of the program. A second line may be a hint, which is not returned.
#[track_caller]
pub fn reason(err: &str, args: &[&str]) -> String {
    let lines = without_report(err).strip_suffix('\n').unwrap_or_default();
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

/// Returns a small, valid module, which differs for each `n`.
pub fn module(n: u32) -> Vec<u8> {
    wat::parse_str(format!(r#"(module (func (export "f{n}")))"#)).unwrap()
}

/// Returns whether a program of this name is on `PATH`.
pub fn has_program(name: &str) -> bool {
    find_program(name).is_some()
}

/// Searches `PATH` for a program, and returns its path. If `name` is an absolute path, returns it unchanged.
///
/// A [`Command`] that clears its environment should get this path instead of the name. Then the standard library starts it with
/// posix_spawn(3). With a name, it would have to search the command's own `PATH`, and so would fork. That copies the page tables of the
/// test process, which took half of the suite's system time.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = std::env::split_paths(&path).map(|directory| directory.join(name));
    candidates.find(|candidate| candidate.is_file())
}

/// Returns whether the system enforces file permissions for this process. It does not if the process runs as root.
pub fn permissions_are_enforced(directory: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let probe = directory.join("probe");
    fs::write(&probe, "").unwrap();
    fs::set_permissions(&probe, fs::Permissions::from_mode(0o000)).unwrap();
    let bind = fs::read(&probe).is_err();
    fs::remove_file(probe).unwrap();
    bind
}
