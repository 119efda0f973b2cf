//! Stock git as a writer, which ignores the locks of the store except for the lock files of refs.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::event::{Event, Outcome, now_ns};
use crate::soak::modules;
use crate::support::random::Random;
use crate::support::store::blob_id;
use crate::support::store::{git, try_git};

/// The pause after an update, for the other writers.
const PAUSE: Duration = Duration::from_millis(20);

/// The method by which a commit gets into the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitMethod {
    /// The commit is made in the store itself, and the ref is updated by compare-and-swap.
    UpdateRef,
    /// The commit is made in a clone and pushed through the hooks of the store.
    Push,
}

impl GitMethod {
    /// Returns the pause between two attempts. It is short for a push, which takes so long that it would always be too late.
    fn pause(self) -> Duration {
        match self {
            Self::UpdateRef => PAUSE * 10,
            Self::Push => PAUSE,
        }
    }
}

/// The maximum number of attempts after the other writers have stopped.
const LAST_ATTEMPTS: u32 = 100;

/// Makes commits on the tip of a branch and updates the branch, until `stop` is set and one update has succeeded.
pub fn commit(root: &Path, branch: &str, method: GitMethod, stop: &AtomicBool) -> Vec<Event> {
    let dir = tempfile::tempdir().unwrap();
    let clone = dir.path().join("clone");
    let objects = match method {
        GitMethod::UpdateRef => root.to_owned(),
        GitMethod::Push => {
            git(
                root,
                &["clone", "-q", "--bare", ".", clone.to_str().unwrap()],
            );
            clone
        }
    };
    let mut random = Random::new(1 << 60);
    let mut events = Vec::new();
    let (mut last_attempts, mut has_written) = (0, false);
    while !stop.load(Ordering::Relaxed) || !has_written && last_attempts < LAST_ATTEMPTS {
        last_attempts += u32::from(stop.load(Ordering::Relaxed));
        let module = modules::small(random.next());
        let path = format!("outside-{method:?}/{}", random.below(4));
        let began_ns = now_ns();
        let outcome = commit_once(root, &objects, branch, &path, &module);
        has_written |= matches!(outcome, Outcome::Wrote { .. });
        events.push(Event {
            began_ns,
            ended_ns: now_ns(),
            branch: branch.to_owned(),
            path,
            outcome,
        });
        std::thread::sleep(method.pause());
    }
    events
}

/// Makes one commit and tries to update the branch.
fn commit_once(root: &Path, objects: &Path, branch: &str, path: &str, module: &[u8]) -> Outcome {
    let name = format!("refs/heads/{branch}");
    let is_push = root != objects;
    if is_push {
        let fetch = [
            "fetch",
            "-q",
            root.to_str().unwrap(),
            &format!("+{name}:{name}"),
        ];
        git(objects, &fetch);
    }
    let tip = git(objects, &["rev-parse", &name]);
    let commit = make_commit(objects, tip.trim(), path, module);
    let (is_done, output) = if is_push {
        let refspec = format!("{commit}:{name}");
        let push = ["push", "-q", root.to_str().unwrap(), &refspec];
        try_git(objects, &push, "")
    } else {
        try_git(root, &["update-ref", &name, &commit, tip.trim()], "")
    };
    let rejections = [
        "but expected",
        "File exists",
        "fetch first",
        "failed to update ref",
        "another client has moved it",
        "its tip is not in the first-parent history",
        "push again",
    ];
    if is_done {
        Outcome::Wrote {
            value: Some(blob_id(module)),
            commit,
        }
    } else if rejections.iter().any(|text| output.contains(text)) {
        Outcome::Rejected
    } else {
        Outcome::Failed(output)
    }
}

/// Makes a commit on top of `tip` that puts a module at a path.
fn make_commit(objects: &Path, tip: &str, path: &str, module: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), module).unwrap();
    let add = [
        "hash-object",
        "-w",
        "--no-filters",
        file.path().to_str().unwrap(),
    ];
    let blob = git(objects, &add);
    let index = IndexFile(file.path().with_extension("index"));
    index.git(objects, &["read-tree", tip]);
    let entry = format!("100644,{},{path}", blob.trim());
    index.git(objects, &["update-index", "--add", "--cacheinfo", &entry]);
    let tree = index.git(objects, &["write-tree"]);
    let commit = ["commit-tree", "-p", tip, "-m", "outside", tree.trim()];
    git(objects, &commit).trim().to_owned()
}

/// The file of a git index outside the store.
struct IndexFile(PathBuf);

impl IndexFile {
    /// Runs git with this index.
    fn git(&self, objects: &Path, args: &[&str]) -> String {
        let output = std::process::Command::new("git")
            .args(["-c", "safe.directory=*"])
            .args(args)
            .env("GIT_DIR", objects)
            .env("GIT_INDEX_FILE", &self.0)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {args:?}: {err}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for IndexFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Moves a separate branch to the tip of `branch` again and again until `stop` is set. It writes no objects that a `gc` could delete.
/// Returns the number of updates.
pub fn follow(root: &Path, branch: &str, stop: &AtomicBool) -> u64 {
    let (from, to) = (format!("refs/heads/{branch}"), "refs/heads/follower");
    let mut count = 0;
    let mut old = "0".repeat(40);
    while !stop.load(Ordering::Relaxed) {
        let new = git(root, &["rev-parse", &from]).trim().to_owned();
        git(root, &["update-ref", to, &new, &old]);
        let now = git(root, &["rev-parse", to]);
        assert_eq!(now.trim(), new, "another writer moved the follower");
        old = new;
        count += 1;
        std::thread::sleep(PAUSE);
    }
    count
}
