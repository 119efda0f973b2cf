//! `clone`: a store that is lost comes back from its mirror.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use super::rig::{Listener, bare, bare_of, eventually, http, is_equal, refs, script, ssh};
use crate::support::program::{FORMATS, Ran, World, reason};
use crate::support::server::Server;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Everything that the store answers.
fn everything(world: &World, hashes: &[String]) -> String {
    let mut all = String::new();
    for args in [
        &["branch", "--list"][..],
        &["list"],
        &["list", "--branch", "dev"],
        &["log"],
        &["log", "--branch", "dev"],
        &["versions", "a.wasm"],
        &["versions", "gone.wasm"],
        &["audit", "b/c.wasm"],
        &["snapshot"],
    ] {
        all += &format!("{args:?}\n{}", world.ok(args));
    }
    for hash in hashes {
        all += &world.run(&["find", hash]).out;
        all += &world.ok(&["info", hash]);
    }
    for index in ["0", "1"] {
        all += &world.ok(&["version", index, "a.wasm"]);
    }
    all + &refs(world, &world.root()).unwrap() + &world.git(&["symbolic-ref", "HEAD"])
}

/// A store with some history, and the hashes of what is in its tree.
fn furnish(world: &World) -> Vec<String> {
    world.add("a.wasm", 1);
    world.add("a.wasm", 2);
    let gone = world.add("gone.wasm", 3);
    world.changes(&["remove", "gone.wasm"]);
    world.changes(&["branch", "dev"]);
    world.file("dev.wasm", crate::support::program::module(4));
    world.changes(&["add", "dev.wasm", "--branch", "dev"]);
    world.git(&["tag", "v1", "HEAD"]);
    world.git(&[
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "tag",
        "-a",
        "v2",
        "-m",
        "two",
        "HEAD",
    ]);
    assert_eq!(world.run(&["find", &gone]).code, Some(1));
    vec![world.hash(2), world.add("b/c.wasm", 5)]
}

#[test]
fn a_store_that_is_lost_comes_back_from_its_mirror() {
    for format in FORMATS {
        let world = World::with_store(format);
        let hashes = furnish(&world);
        let mirror = bare_of(&world, "m.git", format);
        let server = Server::start(&world, &["--mirror", text(&mirror)]);
        eventually("the mirror is not equal", || is_equal(&world, &mirror));
        drop(server);
        let before = everything(&world, &hashes);
        fs::remove_dir_all(world.root()).unwrap();
        assert_eq!(world.ok(&["clone", text(&mirror)]), "");
        world.fsck();
        assert_eq!(everything(&world, &hashes), before);
        let verified = world.ok(&["verify"]);
        assert!(verified.ends_with("faults 0\n"), "{verified}");
        // It is a store like any other: it takes changes, and pushes nowhere.
        assert_eq!(world.ok(&["mirror", "list"]), "");
        assert_eq!(world.git(&["remote"]), "");
        world.add("new.wasm", 6);
        world.changes(&["gc"]);
        world.changes(&["branch", "dev", "--delete"]);
        assert_eq!(world.git(&["config", "core.fsync"]), "all");
        assert!(!world.root().join("packed-refs").exists());
        let left = world.root().join("wasmstore");
        assert!(!left.join("clone").exists() && !left.join("creating").exists());
    }
}

#[test]
fn a_restored_store_serves_and_takes_its_mirror_up_again() {
    let world = World::with_store("sha1");
    let mirror = bare(&world, "m.git");
    world.add("a.wasm", 1);
    world.changes(&["mirror", "add", "m", text(&mirror)]);
    world.changes(&["mirror", "push"]);
    fs::remove_dir_all(world.root()).unwrap();
    let told = world.json(&["clone", text(&mirror)]);
    assert_eq!(
        (&told["branch"], &told["faults"]),
        (&"main".into(), &0.into())
    );
    assert_eq!((&told["modules"], &told["commits"]), (&1.into(), &2.into()));
    let server = Server::start(&world, &["--mirror", text(&mirror)]);
    let put = server.send(
        "POST",
        "/api/v1/module/b",
        &[],
        &crate::support::program::module(2),
    );
    assert_eq!(put.status, 200, "{}", put.text());
    eventually("the mirror is not equal", || is_equal(&world, &mirror));
}

#[test]
fn any_transport_will_do() {
    let world = World::with_store("sha1");
    let mirror = bare(&world, "m.git");
    world.add("a.wasm", 1);
    world.changes(&["mirror", "add", "m", text(&mirror)]);
    world.changes(&["mirror", "push"]);
    let update = ["-C", text(&mirror), "update-server-info"];
    assert!(
        world
            .command("git")
            .args(update)
            .status()
            .unwrap()
            .success()
    );
    let program = ssh(&world);
    let folder = mirror.clone();
    // git's dumb protocol: the files as they are.
    let web = Listener::answering(move |head| {
        let path = head.split(' ').nth(1).unwrap_or_default();
        let path = path
            .split('?')
            .next()
            .unwrap()
            .trim_start_matches("/m.git/");
        match fs::read(folder.join(path)) {
            Ok(bytes) => http("200 OK", "", &bytes),
            Err(_) => http("404 Not Found", "", b""),
        }
    });
    for (nth, url) in [
        format!("file://{}", mirror.display()),
        format!("ssh://git@h{}", mirror.display()),
        format!("git@h:{}", mirror.display()),
        format!("http://{}/m.git", web.address),
    ]
    .iter()
    .enumerate()
    {
        let root = world.path(&format!("root{nth}"));
        // An empty folder, a mount point say, will do.
        fs::create_dir(&root).unwrap();
        let mut clone = world.wasmstore(&["--root", text(&root), "clone", url]);
        let ran = Ran::from(clone.env("GIT_SSH_COMMAND", &program).output().unwrap());
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{url}");
        assert_eq!(refs(&world, &root), refs(&world, &mirror), "{url}");
        let found = world.ok(&["--root", text(&root), "hash", "a.wasm"]);
        assert_eq!(found.trim_end(), world.hash(1));
    }
}

/// A clone that fails, and leaves nothing.
#[track_caller]
fn refused(world: &World, code: i32, args: &[&str]) -> String {
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
fn what_cannot_be_a_store_leaves_nothing() {
    let world = World::empty();
    let told = refused(&world, 5, &[text(&world.path("nowhere"))]);
    assert!(told.contains("does not exist"), "{told}");
    let empty = bare(&world, "empty.git");
    let told = refused(&world, 5, &[text(&empty)]);
    assert!(
        told.ends_with("the other repository has no branch"),
        "{told}"
    );
    refused(&world, 3, &["ext::sh -c id"]);
    refused(&world, 3, &["relative.git"]);
    let silent = Listener::silent();
    let url = format!("http://{}/m.git", silent.address);
    let told = refused(&world, 5, &[&url, "--timeout", "2"]);
    assert!(told.ends_with("did not end within 2 s"), "{told}");
    // A history that was cut off.
    let full = world.path("full");
    world.ok(&["--root", text(&full), "init"]);
    let file = world.file("a.wasm", crate::support::program::module(1));
    world.ok(&["--root", text(&full), "add", file]);
    let shallow = world.path("shallow.git");
    let url = format!("file://{}", full.display());
    let clone = ["clone", "-q", "--bare", "--depth=1", &url, text(&shallow)];
    assert!(world.command("git").args(clone).status().unwrap().success());
    let told = refused(&world, 5, &[text(&shallow)]);
    assert!(told.contains("shallow"), "{told}");
    let told = refused(&world, 1, &[text(&full), "--branch", "nothing"]);
    assert_eq!(told, "there is no branch \"nothing\"");
}

#[test]
fn what_is_there_is_not_written_over() {
    let world = World::with_store("sha1");
    let hash = world.add("a.wasm", 1);
    let mirror = bare(&world, "m.git");
    world.changes(&["mirror", "add", "m", text(&mirror)]);
    world.changes(&["mirror", "push"]);
    let told = world.fails(4, &["clone", text(&mirror)]);
    assert!(told.ends_with("exists and is not empty"), "{told}");
    assert_eq!(world.ok(&["hash", "a.wasm"]).trim_end(), hash);
    let other = world.path("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("notes"), "mine").unwrap();
    let ran = world.run(&["--root", text(&other), "clone", text(&mirror)]);
    assert_eq!(ran.code, Some(4));
    assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
}

#[test]
fn the_default_branch_is_found() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    world.changes(&["branch", "dev"]);
    // Its HEAD names `master`, which nobody has pushed.
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
fn what_is_no_module_is_told_and_the_store_stays() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    let mirror = bare(&world, "m.git");
    world.changes(&["mirror", "add", "m", text(&mirror)]);
    world.changes(&["mirror", "push"]);
    // Somebody has put a text where a module belongs.
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
        ran.err.contains("/b.wasm in commit") && ran.err.contains("wrong in this store"),
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
    // It hangs after everything was sent.
    let hang = "for last; do :; done\nsh -c \"$last\"\ntouch \"${0%/*}/sent\"\nsleep 600";
    let program = script(&world, "slow", hang);
    let url = format!("ssh://h{}", mirror.display());
    for signal in ["KILL", "TERM", "INT"] {
        let mut clone = world.wasmstore(&["--root", "r", "clone", &url]);
        let clone = clone.env("GIT_SSH_COMMAND", &program).stderr(Stdio::null());
        let mut child = clone.spawn().unwrap();
        let group = || {
            let ps = world.command("ps").args(["-eo", "args"]).output().unwrap();
            let ps = String::from_utf8_lossy(&ps.stdout).into_owned();
            ps.matches(text(&program)).count()
        };
        eventually("nothing was sent", || world.path("sent").exists());
        assert!(group() > 0);
        let kill = ["-s", signal, &child.id().to_string()];
        assert!(world.command("kill").args(kill).status().unwrap().success());
        child.wait().unwrap();
        eventually("git outlives the program", || group() == 0);
        fs::remove_file(world.path("sent")).unwrap();
        assert_eq!(
            world.ok(&["--root", "r", "list"]),
            "",
            "it reads as no store"
        );
        assert_eq!(world.run(&["--root", "r", "mirror", "push"]).code, Some(1));
    }
    std::thread::sleep(Duration::from_millis(100));
    world.ok(&["--root", "r", "clone", text(&mirror)]);
    assert_eq!(refs(&world, &world.path("r")), refs(&world, &mirror));
    assert!(!world.path("r/wasmstore/clone").exists());
}
