//! Stock git as one more writer, which knows nothing of the store's locks but the lock files of refs.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::event::{Event, What, now_ns};
use crate::soak::modules;
use crate::support::random::Random;
use crate::support::store::blob_id;
use crate::support::store::{git, try_git};

/// Rests between two moves, for the others.
const PAUSE: Duration = Duration::from_millis(20);

/// How a commit gets into the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Made in the store itself; the ref moved by compare-and-swap.
    UpdateRef,
    /// Made in a clone and pushed, through the store's hooks.
    Push,
}

impl Way {
    /// How long it rests between two attempts: a push takes long, and would come too late for ever.
    fn pause(self) -> Duration {
        match self {
            Self::UpdateRef => PAUSE * 10,
            Self::Push => PAUSE,
        }
    }
}

/// How often it tries to come in time once the others are gone.
const LAST_ATTEMPTS: u32 = 100;

/// Commits to a branch, each commit on the tip as it was a moment ago, until it is told to stop and has come in time once.
pub fn commit(root: &Path, branch: &str, way: Way, stop: &AtomicBool) -> Vec<Event> {
    let dir = tempfile::tempdir().unwrap();
    let clone = dir.path().join("clone");
    let objects = match way {
        Way::UpdateRef => root.to_owned(),
        Way::Push => {
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
        let path = format!("outside-{way:?}/{}", random.below(4));
        let began_ns = now_ns();
        let what = once(root, &objects, branch, &path, &module);
        has_written |= matches!(what, What::Wrote { .. });
        events.push(Event {
            began_ns,
            ended_ns: now_ns(),
            branch: branch.to_owned(),
            path,
            what,
        });
        std::thread::sleep(way.pause());
    }
    events
}

fn once(root: &Path, objects: &Path, branch: &str, path: &str, module: &[u8]) -> What {
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
    let commit = make(objects, tip.trim(), path, module);
    let (is_done, said) = match is_push {
        true => {
            let to = format!("{commit}:{name}");
            try_git(objects, &["push", "-q", root.to_str().unwrap(), &to], "")
        }
        false => try_git(root, &["update-ref", &name, &commit, tip.trim()], ""),
    };
    let is_refusal = [
        "but expected",
        "File exists",
        "fetch first",
        "failed to update ref",
        "another client has moved it",
        "its tip is not in the first-parent history",
        "push again",
    ];
    match is_done {
        true => What::Wrote {
            value: Some(blob_id(module)),
            commit,
        },
        false if is_refusal.iter().any(|word| said.contains(word)) => What::Refused,
        false => What::Failed(said),
    }
}

/// A commit with a module at a path on top of another commit.
fn make(objects: &Path, tip: &str, path: &str, module: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), module).unwrap();
    let add = [
        "hash-object",
        "-w",
        "--no-filters",
        file.path().to_str().unwrap(),
    ];
    let blob = git(objects, &add);
    let index = Index(file.path().with_extension("index"));
    index.git(objects, &["read-tree", tip]);
    let entry = format!("100644,{},{path}", blob.trim());
    index.git(objects, &["update-index", "--add", "--cacheinfo", &entry]);
    let tree = index.git(objects, &["write-tree"]);
    let commit = ["commit-tree", "-p", tip, "-m", "outside", tree.trim()];
    git(objects, &commit).trim().to_owned()
}

/// git's index, away from the store.
struct Index(PathBuf);

impl Index {
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

impl Drop for Index {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Keeps moving a branch of its own to where another one is, until it is told to stop. It writes no object, so that no `gc` can
/// take one from it. Returns how often it did.
pub fn follow(root: &Path, branch: &str, stop: &AtomicBool) -> u64 {
    let (from, to) = (format!("refs/heads/{branch}"), "refs/heads/follower");
    let mut count = 0;
    let mut old = "0".repeat(40);
    while !stop.load(Ordering::Relaxed) {
        let new = git(root, &["rev-parse", &from]).trim().to_owned();
        git(root, &["update-ref", to, &new, &old]);
        let now = git(root, &["rev-parse", to]);
        assert_eq!(now.trim(), new, "the follower was moved by another");
        old = new;
        count += 1;
        std::thread::sleep(PAUSE);
    }
    count
}
