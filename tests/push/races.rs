//! A `gc`, or the kill of a process, at each stage of a push: while the objects are in quarantine, after their validation, when they are in
//! the store but no ref reaches them yet, and after the refs were moved.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::Clone;
use crate::support::program::{CommandOutput, World};

/// The longest wait for a stage. It is only reached if a test fails.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// The stages at which a push is paused.
const STAGES: [&str; 4] = [
    "pre-receive.before",
    "pre-receive.after",
    "proc-receive.before",
    "proc-receive.after",
];

/// A wrapper around wasmstore. It pauses before and after the hook while the file of that stage exists, and writes the id of its parent
/// process to a file when it reaches a stage.
const PAUSING_HOOK: &str = r#"#!/bin/sh
hold() {
    echo "$PPID" > "$HOLD/$1.reached"
    n=0
    while [ -e "$HOLD/$1" ] && [ $n -lt 3000 ]; do sleep 0.01; n=$((n + 1)); done
}
hold "$4.before"
"$REAL" "$@"
code=$?
hold "$4.after"
exit $code
"#;

/// A push that is paused at a stage.
struct PausedPush {
    push: Child,
    file: PathBuf,
}

impl PausedPush {
    fn start(clone: &Clone<'_>, stage: &str, args: &[&str]) -> Self {
        let directory = clone.world.path("hold");
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir(&directory).unwrap();
        let program = clone.world.path("pausing");
        fs::write(&program, PAUSING_HOOK).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let file = directory.join(stage);
        fs::write(&file, "").unwrap();
        let mut push = clone.command(&[&["push", "origin"], args].concat());
        let push = push
            .env("WASMSTORE_PROGRAM", program)
            .env("REAL", env!("CARGO_BIN_EXE_wasmstore"))
            .env("HOLD", directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let paused = Self { push, file };
        let began = Instant::now();
        while paused.receiver().is_none() {
            assert!(began.elapsed() < WAIT_MAX, "{stage} is not reached");
            std::thread::sleep(Duration::from_millis(5));
        }
        paused
    }

    /// Returns the process id of git-receive-pack(1), once the stage is reached.
    fn receiver(&self) -> Option<String> {
        let note = format!("{}.reached", self.file.display());
        let text = fs::read_to_string(note).unwrap_or_default();
        text.ends_with('\n').then(|| text.trim().to_owned())
    }

    /// Lets the push continue, and waits for its end.
    fn release(self) -> CommandOutput {
        fs::remove_file(&self.file).unwrap();
        self.push.wait_with_output().unwrap().into()
    }

    /// Kills git-receive-pack(1).
    fn kill(self) -> CommandOutput {
        let pid = self.receiver().unwrap();
        let killed = std::process::Command::new("kill")
            .args(["-s", "KILL", &pid])
            .status();
        assert!(killed.unwrap().success());
        self.release()
    }
}

#[test]
fn gc_at_any_stage_removes_nothing_of_a_push() {
    for stage in STAGES {
        let world = World::with_store("sha1");
        for n in 0..5 {
            world.add("old", n);
        }
        let clone = Clone::of(&world, "clone");
        let tip = clone.module("new", 10);
        let paused = PausedPush::start(&clone, stage, &["main"]);
        world.ok(&["gc", "--keep-history"]);
        world.fsck();
        let ran = paused.release();
        assert_eq!(ran.code, Some(0), "{stage}: {}", ran.err);
        assert_eq!(world.tip(), tip, "{stage}");
        world.fsck();
        world.ok(&["gc", "--keep-history"]);
        world.fsck();
        assert_eq!(world.ok(&["verify"]).lines().count(), 1);
        assert_eq!(world.ok(&["versions", "old"]).lines().count(), 5);
    }
}

#[test]
fn a_push_whose_base_was_collected_is_refused_and_can_be_repeated() {
    for stage in STAGES {
        let world = World::with_store("sha1");
        world.add("main", 0);
        world.ok(&["branch", "dev"]);
        for n in 1..5 {
            world.file("m", crate::support::program::module(n));
            world.ok(&["add", "m", "dev", "--branch", "dev"]);
        }
        let clone = Clone::of(&world, "clone");
        clone.git(&["checkout", "-q", "-b", "more", "origin/dev"]);
        let tip = clone.module("more", 9);
        // The client does not send the commits of `dev` because the store has them.
        let paused = PausedPush::start(&clone, stage, &["more"]);
        world.ok(&["branch", "dev", "--delete"]);
        world.ok(&["gc", "--keep-history"]);
        world.fsck();
        let ran = paused.release();
        world.fsck();
        if stage == "proc-receive.after" {
            assert_eq!(ran.code, Some(0), "{stage}: {}", ran.err);
        } else {
            assert_eq!(ran.code, Some(1), "{stage}: {}", ran.err);
            let reason = "a concurrent gc removed objects that the push builds on: push again";
            assert!(ran.err.contains(reason), "{stage}: {}", ran.err);
            assert_eq!(world.ok(&["branch", "--list"]), "main\n", "{stage}");
            clone.pushes(&["more"]);
        }
        assert_eq!(world.git(&["rev-parse", "more"]), tip, "{stage}");
        world.ok(&["gc", "--keep-history"]);
        world.fsck();
        assert_eq!(world.ok(&["verify"]).lines().count(), 1);
    }
}

#[test]
fn a_concurrent_change_or_squash_makes_the_push_stale() {
    for stage in &STAGES[..3] {
        for squash in [false, true] {
            let world = World::with_store("sha1");
            world.add("a", 1);
            world.add("a", 2);
            let clone = Clone::of(&world, "clone");
            clone.module("b", 3);
            let paused = PausedPush::start(&clone, stage, &["main"]);
            if squash {
                world.ok(&["gc", "--quiet"]);
            } else {
                world.add("c", 4);
            }
            let (tip, ran) = (world.tip(), paused.release());
            assert_eq!(ran.code, Some(1), "{stage}: {}", ran.err);
            assert!(
                ran.err.contains("git pull --rebase"),
                "{stage}: {}",
                ran.err
            );
            assert_eq!(world.tip(), tip, "{stage}");
            world.fsck();
            clone.git(&["fetch", "-q"]);
            clone.git(&["rebase", "-q", "--onto", "origin/main", "HEAD~1"]);
            clone.pushes(&["main"]);
        }
    }
}

#[test]
fn gc_removes_what_a_killed_receiver_leaves_behind() {
    for stage in STAGES {
        let world = World::with_store("sha1");
        let before = world.add("a", 1);
        let clone = Clone::of(&world, "clone");
        let tip = clone.module("b", 2);
        let was = world.tip();
        let ran = PausedPush::start(&clone, stage, &["main"]).kill();
        assert_ne!(ran.code, Some(0), "{stage}");
        let wanted = if stage == "proc-receive.after" {
            &tip
        } else {
            &was
        };
        // The hook is a process of its own, and may still finish its work.
        let now = world.tip();
        assert!(now == *wanted || now == tip, "{stage}: {now}");
        world.fsck();
        assert_eq!(world.ok(&["hash", "a"]).trim(), before);
        let objects = world.root().join("objects");
        world.ok(&["gc", "--keep-history"]);
        let age = world
            .command("find")
            .arg(&objects)
            .args(["-exec", "touch", "-h", "-d", "3 days ago", "{}", "+"])
            .status();
        assert!(age.unwrap().success());
        world.ok(&["gc", "--keep-history"]);
        world.ok(&["gc", "--keep-history"]);
        world.fsck();
        let find = world
            .command("find")
            .arg(&objects)
            .args(["-name", "tmp_*", "-o", "-name", "*.keep"])
            .output();
        let left = CommandOutput::from(find.unwrap()).out;
        assert_eq!(left, "", "{stage}");
        clone.run(&["push", "-q", "origin", "main"]);
        assert_eq!(world.tip(), tip, "{stage}");
        world.fsck();
    }
}
