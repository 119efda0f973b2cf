//! A gc, or the end of a process, in each moment of a push: while it is in quarantine, when it was checked, when its objects are in the
//! store and no ref leads to them, and when the refs were moved.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::Clone;
use crate::support::program::{Ran, World};

/// Far longer than anything takes that works.
const LONG: Duration = Duration::from_secs(30);

/// The moments in which a push is held.
const MOMENTS: [&str; 4] = [
    "pre-receive.before",
    "pre-receive.after",
    "proc-receive.before",
    "proc-receive.after",
];

/// A program in the place of ours, which calls it and waits before and after while a file is there that says so. It notes that it
/// waits, and the process that called the hook.
const HOLDING: &str = r#"#!/bin/sh
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

/// A push that is held in a moment.
struct Held {
    push: Child,
    file: PathBuf,
}

impl Held {
    fn start(clone: &Clone<'_>, moment: &str, args: &[&str]) -> Self {
        let folder = clone.world.path("hold");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        let program = clone.world.path("holding");
        fs::write(&program, HOLDING).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let file = folder.join(moment);
        fs::write(&file, "").unwrap();
        let mut push = clone.command(&[&["push", "origin"], args].concat());
        let push = push
            .env("WASMSTORE_PROGRAM", program)
            .env("REAL", env!("CARGO_BIN_EXE_wasmstore"))
            .env("HOLD", folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let held = Self { push, file };
        let began = Instant::now();
        while held.receiver().is_none() {
            assert!(began.elapsed() < LONG, "{moment} is not reached");
            std::thread::sleep(Duration::from_millis(5));
        }
        held
    }

    /// The process that git receives the push with.
    fn receiver(&self) -> Option<String> {
        let note = format!("{}.reached", self.file.display());
        let text = fs::read_to_string(note).unwrap_or_default();
        text.ends_with('\n').then(|| text.trim().to_owned())
    }

    /// Lets it go on to its end.
    fn release(self) -> Ran {
        fs::remove_file(&self.file).unwrap();
        self.push.wait_with_output().unwrap().into()
    }

    /// Kills the receiver.
    fn kill(self) -> Ran {
        let pid = self.receiver().unwrap();
        let killed = std::process::Command::new("kill")
            .args(["-s", "KILL", &pid])
            .status();
        assert!(killed.unwrap().success());
        self.release()
    }
}

#[test]
fn a_gc_in_any_moment_of_a_push_takes_nothing_from_it() {
    for moment in MOMENTS {
        let world = World::with_store("sha1");
        for n in 0..5 {
            world.add("old", n);
        }
        let clone = Clone::of(&world, "clone");
        let tip = clone.module("new", 10);
        let held = Held::start(&clone, moment, &["main"]);
        world.ok(&["gc", "--keep-history"]);
        world.fsck();
        let ran = held.release();
        assert_eq!(ran.code, Some(0), "{moment}: {}", ran.err);
        assert_eq!(world.tip(), tip, "{moment}");
        world.fsck();
        world.ok(&["gc", "--keep-history"]);
        world.fsck();
        assert_eq!(world.ok(&["verify"]).lines().count(), 1);
        assert_eq!(world.ok(&["versions", "old"]).lines().count(), 5);
    }
}

#[test]
fn what_a_push_rests_on_may_be_collected_meanwhile_and_it_is_told_to_push_again() {
    for moment in MOMENTS {
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
        // What it rests on is not sent, as `dev` says that it is there.
        let held = Held::start(&clone, moment, &["more"]);
        world.ok(&["branch", "dev", "--delete"]);
        world.ok(&["gc", "--keep-history"]);
        world.fsck();
        let ran = held.release();
        world.fsck();
        if moment == "proc-receive.after" {
            assert_eq!(ran.code, Some(0), "{moment}: {}", ran.err);
        } else {
            assert_eq!(ran.code, Some(1), "{moment}: {}", ran.err);
            let told = "a concurrent gc removed objects that the push builds on: push again";
            assert!(ran.err.contains(told), "{moment}: {}", ran.err);
            assert_eq!(world.ok(&["branch", "--list"]), "main\n", "{moment}");
            clone.pushes(&["more"]);
        }
        assert_eq!(world.git(&["rev-parse", "more"]), tip, "{moment}");
        world.ok(&["gc", "--keep-history"]);
        world.fsck();
        assert_eq!(world.ok(&["verify"]).lines().count(), 1);
    }
}

#[test]
fn a_change_or_a_squash_meanwhile_makes_the_push_stale() {
    for moment in &MOMENTS[..3] {
        for squash in [false, true] {
            let world = World::with_store("sha1");
            world.add("a", 1);
            world.add("a", 2);
            let clone = Clone::of(&world, "clone");
            clone.module("b", 3);
            let held = Held::start(&clone, moment, &["main"]);
            match squash {
                true => drop(world.ok(&["gc"])),
                false => drop(world.add("c", 4)),
            }
            let (tip, ran) = (world.tip(), held.release());
            assert_eq!(ran.code, Some(1), "{moment}: {}", ran.err);
            assert!(
                ran.err.contains("git pull --rebase"),
                "{moment}: {}",
                ran.err
            );
            assert_eq!(world.tip(), tip, "{moment}");
            world.fsck();
            clone.git(&["fetch", "-q"]);
            clone.git(&["rebase", "-q", "--onto", "origin/main", "HEAD~1"]);
            clone.pushes(&["main"]);
        }
    }
}

#[test]
fn a_receiver_that_is_killed_in_any_moment_leaves_what_gc_clears() {
    for moment in MOMENTS {
        let world = World::with_store("sha1");
        let before = world.add("a", 1);
        let clone = Clone::of(&world, "clone");
        let tip = clone.module("b", 2);
        let was = world.tip();
        let ran = Held::start(&clone, moment, &["main"]).kill();
        assert_ne!(ran.code, Some(0), "{moment}");
        let wanted = if moment == "proc-receive.after" {
            &tip
        } else {
            &was
        };
        // The hook goes on by itself, and may come to its end.
        let now = world.tip();
        assert!(now == *wanted || now == tip, "{moment}: {now}");
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
        let left = Ran::from(find.unwrap()).out;
        assert_eq!(left, "", "{moment}");
        clone.run(&["push", "-q", "origin", "main"]);
        assert_eq!(world.tip(), tip, "{moment}");
        world.fsck();
    }
}
