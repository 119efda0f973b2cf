//! `clone`: a lost store is restored from its mirror.

use std::fs;
use std::path::Path;

use super::support::{Listener, bare, bare_of, http, is_equal, refs, ssh};
use crate::support::program::{CommandOutput, FORMATS, World};
use crate::support::server::Server;
use crate::support::waiting::eventually;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Returns the output of every command that reads the store.
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

/// Adds some history to a store, and returns the hashes of modules in its tree.
fn add_history(world: &World) -> Vec<String> {
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
fn a_lost_store_is_restored_from_its_mirror() {
    for format in FORMATS {
        let world = World::with_store(format);
        let hashes = add_history(&world);
        let mirror = bare_of(&world, "m.git", format);
        let server = Server::start(&world, &["--mirror", text(&mirror)]);
        eventually("the mirror becomes equal", || is_equal(&world, &mirror));
        drop(server);
        let before = everything(&world, &hashes);
        fs::remove_dir_all(world.root()).unwrap();
        assert_eq!(world.ok(&["clone", text(&mirror)]), "");
        world.fsck();
        assert_eq!(everything(&world, &hashes), before);
        let verified = world.ok(&["verify"]);
        assert!(verified.ends_with("faults 0\n"), "{verified}");
        // The restored store accepts changes, and has no mirror.
        assert_eq!(world.ok(&["mirror", "list"]), "");
        assert_eq!(world.git(&["remote"]), "");
        world.add("new.wasm", 6);
        world.changes(&["gc", "--quiet"]);
        world.changes(&["branch", "dev", "--delete"]);
        assert_eq!(world.git(&["config", "core.fsync"]), "all");
        assert!(!world.root().join("packed-refs").exists());
        let own = world.root().join("wasmstore");
        assert!(!own.join("clone").exists() && !own.join("creating").exists());
    }
}

#[test]
fn a_restored_store_serves_and_pushes_to_its_old_mirror() {
    let world = World::with_store("sha1");
    let mirror = bare(&world, "m.git");
    world.add("a.wasm", 1);
    world.changes(&["mirror", "add", "m", text(&mirror)]);
    world.changes(&["mirror", "push"]);
    fs::remove_dir_all(world.root()).unwrap();
    let output = world.json(&["clone", text(&mirror)]);
    assert_eq!(
        (&output["branch"], &output["faults"]),
        (&"main".into(), &0.into())
    );
    assert_eq!(
        (&output["modules"], &output["commits"]),
        (&1.into(), &2.into())
    );
    let server = Server::start(&world, &["--mirror", text(&mirror)]);
    let put = server.send(
        "POST",
        "/api/v1/module/b",
        &[],
        &crate::support::program::module(2),
    );
    assert_eq!(put.status, 200, "{}", put.text());
    eventually("the mirror becomes equal", || is_equal(&world, &mirror));
}

#[test]
fn clone_works_over_every_transport() {
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
    let directory = mirror.clone();
    // git's dumb HTTP protocol, which only needs the files.
    let web = Listener::responding(move |head| {
        let path = head.split(' ').nth(1).unwrap_or_default();
        let path = path
            .split('?')
            .next()
            .unwrap()
            .trim_start_matches("/m.git/");
        match fs::read(directory.join(path)) {
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
        // The target may be an empty directory, for example a mount point.
        fs::create_dir(&root).unwrap();
        let mut clone = world.wasmstore(&["--root", text(&root), "clone", url]);
        let ran = CommandOutput::from(clone.env("GIT_SSH_COMMAND", &program).output().unwrap());
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{url}");
        assert_eq!(refs(&world, &root), refs(&world, &mirror), "{url}");
        let found = world.ok(&["--root", text(&root), "hash", "a.wasm"]);
        assert_eq!(found.trim_end(), world.hash(1));
    }
}
