//! Creates a store in a temporary directory, and runs stock git to check it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use wasmstore::config::Options;
use wasmstore::names::{BranchName, CommitId, ModuleHash, ModulePath, ModuleRef, TreePath};
use wasmstore::store::{Change, ObjectFormat, Revision, Store};

/// A new store in a temporary directory, which is deleted on drop.
pub struct Scratch {
    pub root: PathBuf,
    pub store: Store,
    _dir: tempfile::TempDir,
}

impl Scratch {
    pub fn new() -> Self {
        Self::with_format(ObjectFormat::Sha1)
    }

    pub fn with_format(format: ObjectFormat) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("store");
        let store = Store::open_or_create(&root, Options::default(), format).unwrap();
        Self {
            root,
            store,
            _dir: dir,
        }
    }

    /// Closes the store and opens it again, with empty caches.
    pub fn reopen(&mut self) {
        let nowhere = self.root.with_extension("nowhere");
        self.store = Store::open(&nowhere, Options::default()).unwrap();
        let format = ObjectFormat::default();
        self.store = Store::open_or_create(&self.root, Options::default(), format).unwrap();
    }

    /// Puts the module `n` (see [`module`]) at a path on the default branch, and returns the new tip.
    pub fn put(&self, at: &str, n: u32) -> CommitId {
        self.put_on(None, at, n)
    }

    pub fn put_on(&self, branch: Option<&str>, at: &str, n: u32) -> CommitId {
        let change = on(branch);
        self.store
            .put(&change, &path(at), module(n).as_slice())
            .unwrap();
        self.store
            .snapshot(&Revision::Branch(change.branch))
            .unwrap()
    }

    pub fn tip(&self) -> CommitId {
        self.store.snapshot(&Revision::default()).unwrap()
    }

    /// Returns the `n` of the module (see [`module`]) at a path on the default branch.
    pub fn value(&self, at: &str) -> Option<u32> {
        let module = self
            .store
            .find(&Revision::default(), &ModuleRef::Path(path(at)))
            .ok()?;
        Some(
            (0..200)
                .find(|n| self::module(*n) == *module.bytes)
                .expect("a module made by `module`"),
        )
    }

    /// Returns the modules of the default branch as pairs `path=n`, joined by blanks.
    pub fn content(&self) -> String {
        let list = self
            .store
            .list(&Revision::default(), &TreePath::root())
            .unwrap();
        let pairs: Vec<_> = list
            .iter()
            .map(|(path, _)| format!("{path}={}", self.value(path.as_str()).unwrap()))
            .collect();
        pairs.join(" ")
    }

    pub fn git(&self, args: &[&str]) -> String {
        git(&self.root, args)
    }

    /// Unpacks every pack to loose objects, so that a test can damage a single object. Returns the path of the loose object `id`.
    pub fn loose_file(&self, id: &str) -> PathBuf {
        let directory = self.root.join("objects/pack");
        for entry in std::fs::read_dir(&directory).unwrap() {
            let pack = entry.unwrap().path();
            if pack.extension().is_some_and(|part| part == "pack") {
                let aside = self.root.join("aside");
                std::fs::rename(&pack, &aside).unwrap();
                std::fs::remove_file(pack.with_extension("idx")).unwrap();
                let status = Command::new("git")
                    .arg("-C")
                    .arg(&self.root)
                    .args(["unpack-objects", "-q"])
                    .stdin(std::fs::File::open(&aside).unwrap())
                    .status();
                assert!(status.unwrap().success());
                std::fs::remove_file(aside).unwrap();
            }
        }
        self.root.join(format!("objects/{}/{}", &id[..2], &id[2..]))
    }

    /// Asserts that `git fsck` reports nothing.
    pub fn fsck(&self) {
        fsck(&self.root);
    }
}

/// Returns the options of a write to a branch; `None` means the default branch. All other options have their default values.
pub fn on(branch: Option<&str>) -> Change {
    Change {
        branch: branch.map(|name| name.parse().unwrap()),
        ..Change::default()
    }
}

pub fn path(text: &str) -> ModulePath {
    text.parse().unwrap()
}

pub fn scope(text: &str) -> TreePath {
    text.parse().unwrap()
}

pub fn branch(text: &str) -> BranchName {
    text.parse().unwrap()
}

pub fn hash(text: &str) -> ModuleHash {
    text.trim().parse().unwrap()
}

/// Returns a valid module, which differs for each `n`.
pub fn module(n: u32) -> Vec<u8> {
    wat::parse_str(format!(
        "(module (func (export \"f\") (result i32) i32.const {n}))"
    ))
    .unwrap()
}

/// Returns a module that has only one custom section, with the name `x` and this content.
pub fn custom_section(content: impl IntoIterator<Item = u8>) -> Vec<u8> {
    let content: Vec<u8> = b"\x01x".iter().copied().chain(content).collect();
    let mut bytes = b"\0asm\x01\0\0\0\0".to_vec();
    let mut rest = content.len();
    while rest > 127 {
        bytes.push((rest & 127) as u8 | 128);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes.extend(content);
    bytes
}

/// Runs stock git on the repository at `root`, without the user's git configuration. Returns the output of git.
pub fn git(root: &Path, args: &[&str]) -> String {
    git_with_input(root, args, "")
}

pub fn git_with_input(root: &Path, args: &[&str], input: impl AsRef<[u8]>) -> String {
    let (ok, output) = try_git(root, args, input);
    assert!(ok, "git {args:?}: {output}");
    output
}

/// Runs stock git on the repository at `root` with `input` on its standard input. Returns whether git succeeded, and its output.
pub fn try_git(root: &Path, args: &[&str], input: impl AsRef<[u8]>) -> (bool, String) {
    let mut child = Command::new("git")
        .args(["-c", "safe.directory=*"])
        .args(args)
        .env("GIT_DIR", root)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("WASMSTORE_PROGRAM", env!("CARGO_BIN_EXE_wasmstore"))
        .env("LC_ALL", "C")
        .envs(["AUTHOR", "COMMITTER"].iter().flat_map(|who| {
            [
                (format!("GIT_{who}_NAME"), "Outside"),
                (format!("GIT_{who}_EMAIL"), "outside@example.org"),
            ]
        }))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_ref())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let text = [
        output.stdout,
        if output.status.success() {
            Vec::new()
        } else {
            output.stderr
        },
    ]
    .concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

/// Asserts that `git fsck` reports nothing except dangling objects.
pub fn fsck(root: &Path) {
    let (ok, output) = try_git(root, &["fsck", "--strict", "--full", "--no-progress"], "");
    let reports: Vec<_> = output
        .lines()
        .filter(|line| !line.starts_with("dangling "))
        .collect();
    assert!(ok && reports.is_empty(), "git fsck: {output}");
}

/// Returns the blob id of `bytes` in a SHA-1 repository, as 40 hex digits.
pub fn blob_id(bytes: &[u8]) -> String {
    let blob = gix::objs::Kind::Blob;
    let id = gix::objs::compute_hash(gix::hash::Kind::Sha1, blob, bytes);
    id.unwrap().to_string()
}
