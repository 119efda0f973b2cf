//! `clone`: the sources it rejects, the state after a failure or a kill, and the choice of the default branch.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use super::support::{Listener, bare, refs, running_with, script};
use crate::support::program::{World, reason};
use crate::support::waiting::eventually;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Runs a clone that must fail and leave nothing; returns the reason.
#[track_caller]
fn fails_without_trace(world: &World, code: i32, args: &[&str]) -> String {
    let args = [&["clone"], args].concat();
    let ran = world.run(&args);
    assert_eq!((ran.code, ran.out.as_str()), (Some(code), ""), "{ran:?}");
    assert!(
        !world.root().exists(),
        "{:?}",
        fs::read_dir(world.root()).unwrap().count()
    );
    reason(&ran.err, &args)
}

#[test]
fn a_failed_clone_leaves_nothing() {
    let world = World::empty();
    let error = fails_without_trace(&world, 5, &[text(&world.path("nowhere"))]);
    assert!(error.contains("does not exist"), "{error}");
    let empty = bare(&world, "empty.git");
    let error = fails_without_trace(&world, 5, &[text(&empty)]);
    assert!(
        error.ends_with("the cloned repository has no branch"),
        "{error}"
    );
    fails_without_trace(&world, 3, &["ext::sh -c id"]);
    fails_without_trace(&world, 3, &["relative.git"]);
    let silent = Listener::silent();
    let url = format!("http://{}/m.git", silent.address);
    let error = fails_without_trace(&world, 5, &[&url, "--timeout", "2"]);
    assert!(error.ends_with("did not end within 2 s"), "{error}");
    // A shallow clone, whose history is cut off.
    let full = world.path("full");
    world.ok(&["--root", text(&full), "init"]);
    let file = world.file("a.wasm", crate::support::program::module(1));
    world.ok(&["--root", text(&full), "add", file]);
    let shallow = world.path("shallow.git");
    let url = format!("file://{}", full.display());
    let clone = ["clone", "-q", "--bare", "--depth=1", &url, text(&shallow)];
    assert!(world.command("git").args(clone).status().unwrap().success());
    let error = fails_without_trace(&world, 5, &[text(&shallow)]);
    assert!(error.contains("shallow"), "{error}");
    let error = fails_without_trace(&world, 1, &[text(&full), "--branch", "nothing"]);
    assert_eq!(error, "there is no branch \"nothing\"");
}

#[test]
fn a_directory_that_is_not_empty_is_not_overwritten() {
    let world = World::with_store("sha1");
    let hash = world.add("a.wasm", 1);
    let mirror = bare(&world, "m.git");
    world.changes(&["mirror", "add", "m", text(&mirror)]);
    world.changes(&["mirror", "push"]);
    let error = world.fails(4, &["clone", text(&mirror)]);
    assert!(error.ends_with("exists and is not empty"), "{error}");
    assert_eq!(world.ok(&["hash", "a.wasm"]).trim_end(), hash);
    let other = world.path("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("notes"), "mine").unwrap();
    let ran = world.run(&["--root", text(&other), "clone", text(&mirror)]);
    assert_eq!(ran.code, Some(4));
    assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
}

#[test]
fn the_default_branch_is_the_flag_or_the_remotes_or_main_or_the_only_one() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    world.changes(&["branch", "dev"]);
    // The HEAD of the new repository names `master`, which does not exist.
    let mirror = bare(&world, "m.git");
    world.changes(&["mirror", "add", "m", text(&mirror)]);
    world.changes(&["mirror", "push"]);
    let root = world.path("r");
    let default = |branch: &[&str]| {
        let args = [&["--root", "r", "clone", text(&mirror)], branch].concat();
        let ran = world.run(&args);
        let head = fs::read_to_string(root.join("HEAD")).unwrap_or_default();
        let _ = fs::remove_dir_all(&root);
        (ran.code, head.trim_end().to_owned(), ran.err)
    };
    let mut git = world.command("git");
    let head = |to: &str| format!("ref: refs/heads/{to}");
    assert_eq!(default(&[]).1, head("main"));
    assert_eq!(default(&["--branch", "dev"]).1, head("dev"));
    let set = [
        "-C",
        text(&mirror),
        "symbolic-ref",
        "HEAD",
        "refs/heads/dev",
    ];
    assert!(git.args(set).status().unwrap().success());
    assert_eq!(default(&[]).1, head("dev"));
    let set = [
        "-C",
        text(&mirror),
        "symbolic-ref",
        "HEAD",
        "refs/heads/none",
    ];
    assert!(world.command("git").args(set).status().unwrap().success());
    world.changes(&["branch", "other"]);
    world.changes(&["branch", "--default", "dev"]);
    world.changes(&["branch", "main", "--delete"]);
    world.changes(&["mirror", "push"]);
    let (code, head_, err) = default(&[]);
    assert_eq!((code, head_.as_str()), (Some(5), ""));
    assert!(err.contains("choose one with --branch NAME"), "{err}");
    world.changes(&["branch", "other", "--delete"]);
    world.changes(&["mirror", "push"]);
    assert_eq!(default(&[]).1, head("dev"));
}

#[test]
fn an_invalid_module_is_reported_and_the_clone_is_kept() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    let mirror = bare(&world, "m.git");
    world.changes(&["mirror", "add", "m", text(&mirror)]);
    world.changes(&["mirror", "push"]);
    // Someone pushes a text file to the mirror.
    let work = world.path("work");
    let git = |args: &[&str]| {
        let mut git = world.command("git");
        let git = git
            .args(["-c", "user.name=a", "-c", "user.email=a@b"])
            .args(args);
        assert!(git.status().unwrap().success(), "{args:?}");
    };
    git(&["clone", "-q", "-b", "main", text(&mirror), text(&work)]);
    fs::write(work.join("b.wasm"), "text").unwrap();
    git(&["-C", text(&work), "add", "b.wasm"]);
    git(&["-C", text(&work), "commit", "-q", "-m", "b"]);
    git(&["-C", text(&work), "push", "-q"]);
    let ran = world.run(&["--root", "r", "clone", text(&mirror)]);
    assert_eq!(ran.code, Some(5), "{ran:?}");
    assert!(
        ran.err.contains("/b.wasm in commit") && ran.err.contains("verify found"),
        "{ran:?}"
    );
    assert_eq!(
        world.ok(&["--root", "r", "hash", "a.wasm"]).trim_end(),
        world.hash(1)
    );
}

#[test]
fn a_clone_that_is_killed_leaves_no_store_and_the_next_one_succeeds() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    let mirror = bare(&world, "m.git");
    world.changes(&["mirror", "add", "m", text(&mirror)]);
    world.changes(&["mirror", "push"]);
    // The connection hangs after everything was sent.
    let hang = "for last; do :; done\nsh -c \"$last\"\ntouch \"${0%/*}/sent\"\nsleep 600";
    let program = script(&world, "slow", hang);
    let url = format!("ssh://h{}", mirror.display());
    for signal in ["KILL", "TERM", "INT"] {
        let mut clone = world.interruptible(&["--root", "r", "clone", &url]);
        let clone = clone.env("GIT_SSH_COMMAND", &program).stderr(Stdio::null());
        let mut child = clone.spawn().unwrap();
        let group = || running_with(text(&program), "");
        eventually("everything is sent", || world.path("sent").exists());
        assert!(group() > 0);
        let kill = ["-s", signal, &child.id().to_string()];
        assert!(world.command("kill").args(kill).status().unwrap().success());
        child.wait().unwrap();
        eventually("git ends with the program", || {
            group() == 0 && running_with(text(&world.path("r")), "") == 0
        });
        fs::remove_file(world.path("sent")).unwrap();
        assert_eq!(world.ok(&["--root", "r", "list"]), "", "there is no store");
        assert_eq!(world.run(&["--root", "r", "mirror", "push"]).code, Some(1));
    }
    // A new store at the same place takes nothing over.
    let copy = ["-a", "r", "new"];
    assert!(world.command("cp").args(copy).status().unwrap().success());
    world.file("new/wasmstore/tmp/clone1/objects/pack/x.pack", "half");
    world.file("new/refs/heads/strange", world.tip());
    world.ok(&["--root", "new", "init"]);
    assert_eq!(files_in(&world.path("new/wasmstore/tmp")), 0);
    assert_eq!(world.ok(&["--root", "new", "branch", "--list"]), "main\n");
    world.ok(&["--root", "r", "clone", text(&mirror)]);
    assert_eq!(refs(&world, &world.path("r")), refs(&world, &mirror));
    assert_eq!(files_in(&world.path("r/wasmstore/tmp")), 0);
}

fn files_in(directory: &Path) -> usize {
    fs::read_dir(directory).map_or(0, Iterator::count)
}

#[test]
fn the_git_of_a_killed_clone_does_not_harm_the_next_one() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    // Like a git that goes on after its parent was killed, this one removes the directory of the clone before.
    let git = "for last; do :; done\nold=\"${0%/*}/old\"\n\
        PATH=\"${PATH#*:}\"\n\
        case \" $* \" in *\" clone \"*) ;; *) exec git \"$@\";; esac\n\
        git \"$@\"\nstatus=$?\n\
        if [ -e \"$old\" ]; then rm -rf \"$(cat \"$old\")\"; fi\n\
        echo \"$last\" >\"$old\"\nexit $status";
    fs::create_dir(world.path("bin")).unwrap();
    script(&world, "bin/git", git);
    let path = format!(
        "{}:{}",
        text(&world.path("bin")),
        std::env::var("PATH").unwrap()
    );
    let clone = |from: &Path| {
        let mut clone = world.wasmstore(&["--root", "r", "clone", text(from)]);
        let output = clone.env("PATH", &path).output().unwrap();
        assert!(world.path("bin/old").exists(), "{output:?}");
        output.status.success()
    };
    assert!(!clone(&world.path("nowhere")));
    assert!(clone(&world.root()));
    assert_eq!(world.ok(&["--root", "r", "list"]), world.ok(&["list"]));
}

#[test]
fn a_clone_killed_at_any_moment_leaves_all_or_nothing() {
    let world = World::with_store("sha1");
    for n in 0..20 {
        world.add(&format!("m{n}"), n);
    }
    let mirror = bare(&world, "m.git");
    world.changes(&["mirror", "add", "m", text(&mirror)]);
    world.changes(&["mirror", "push"]);
    let all = world.ok(&["list"]);
    let root = world.path("r");
    let start = Instant::now();
    world.ok(&["--root", "r", "clone", text(&mirror)]);
    fs::remove_dir_all(&root).unwrap();
    let step = start.elapsed() / 20;
    let (mut nothing, mut whole) = (0, 0);
    // Each kill comes later than the one before, until several clones have finished.
    for nth in 0..400 {
        if whole == 5 {
            break;
        }
        let mut clone = world.wasmstore(&["--root", "r", "clone", text(&mirror)]);
        let mut child = clone.stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(step * nth);
        child.kill().unwrap();
        child.wait().unwrap();
        let listed = world.ok(&["--root", "r", "list"]);
        if listed.is_empty() {
            nothing += 1;
        } else {
            whole += 1;
            assert_eq!(listed, all);
            assert_eq!(refs(&world, &root), refs(&world, &mirror));
            fs::remove_dir_all(&root).unwrap();
        }
        // The next clone succeeds despite the remains.
        if nth % 5 == 4 {
            world.ok(&["--root", "r", "clone", text(&mirror)]);
            fs::remove_dir_all(&root).unwrap();
        }
    }
    assert!(
        nothing > 0 && whole == 5,
        "{nothing} clones left nothing, {whole} everything"
    );
}
