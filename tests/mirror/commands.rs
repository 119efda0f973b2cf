//! `mirror add`, `list`, `status`, `push`, `remove`: what each does, refuses, and prints.

use std::fs;

use serde_json::json;

use super::rig::{bare, bare_of, is_equal, refs};
use crate::support::program::{FORMATS, World, reason};

fn url(path: &std::path::Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_mirror_is_a_git_remote_and_becomes_equal() {
    for format in FORMATS {
        let world = World::with_store(format);
        let mirror = bare_of(&world, "m.git", format);
        world.add("a.wasm", 1);
        world.git(&["tag", "v1", "HEAD"]);
        assert_eq!(world.ok(&["mirror", "add", "m", url(&mirror)]), "");
        assert_eq!(world.git(&["config", "remote.m.mirror"]), "true");
        assert_eq!(world.git(&["config", "remote.m.url"]), url(&mirror));
        assert_eq!(
            world.ok(&["mirror", "list"]),
            format!("m\t{}\n", url(&mirror))
        );
        let status = world.ok(&["mirror", "status"]);
        assert!(
            status.starts_with("m\tbehind ") && status.ends_with("\tnever pushed\n"),
            "{status}"
        );
        assert_eq!(world.ok(&["mirror", "push"]), "");
        assert!(is_equal(&world, &mirror));
        let status = world.ok(&["mirror", "status"]);
        assert!(status.starts_with("m\tin sync\tpushed "), "{status}");
        // What is deleted here is deleted there, and what was moved over there is put right.
        world.changes(&["branch", "dev"]);
        world.changes(&["mirror", "push", "m"]);
        assert!(refs(&world, &mirror).unwrap().contains("refs/heads/dev"));
        world.changes(&["branch", "dev", "--delete"]);
        world.git(&["tag", "-d", "v1"]);
        let moved = ["update-ref", "refs/heads/strange", &world.tip()];
        let mut git = world.command("git");
        assert!(
            git.arg("-C")
                .arg(&mirror)
                .args(moved)
                .status()
                .unwrap()
                .success()
        );
        world.changes(&["mirror", "push", "m"]);
        assert!(is_equal(&world, &mirror));
        assert_eq!(world.ok(&["mirror", "remove", "m"]), "");
        assert_eq!(
            (
                world.ok(&["mirror", "list"]),
                world.ok(&["mirror", "status"])
            ),
            Default::default()
        );
        assert!(
            !fs::read_to_string(world.root().join("config"))
                .unwrap()
                .contains("remote")
        );
        assert!(
            refs(&world, &mirror).unwrap().contains("refs/heads/main"),
            "it stays"
        );
        assert!(!world.root().join("wasmstore/mirrors/m.json").exists());
    }
}

#[test]
fn json_has_the_shape_of_the_help() {
    let world = World::with_store("sha1");
    let mirror = bare(&world, "m.git");
    let path = url(&mirror);
    let added = json!({"name": "m", "url": path, "reachable": true});
    assert_eq!(world.json(&["mirror", "add", "m", path]), added);
    assert_eq!(
        world.json(&["mirror", "list"]),
        json!([{"name": "m", "url": path}])
    );
    let status = world.json(&["mirror", "status"]);
    assert_eq!(
        (&status[0]["state"], &status[0]["last_success"]),
        (&json!("behind"), &json!(null))
    );
    assert_eq!(world.json(&["mirror", "push"]), json!([{"name": "m"}]));
    let status = world.json(&["mirror", "status"]);
    let (state, lag) = (&status[0]["state"], &status[0]["lag_s"]);
    assert_eq!((state, lag), (&json!("in_sync"), &json!(0.0)));
    assert!(status[0]["last_success"].as_i64().unwrap() > 1_700_000_000);
    assert_eq!(
        (&status[0]["failures"], &status[0]["last_error"]),
        (&json!(0), &json!(null))
    );
    assert_eq!(world.json(&["mirror", "remove", "m"]), json!({"name": "m"}));
}

#[test]
fn names_and_urls_are_checked_before_anything_is_done() {
    let world = World::with_store("sha1");
    for name in ["a/b", "..", "a b", "x.lock"] {
        world.fails(3, &["mirror", "add", name, "/srv/m.git"]);
    }
    for url in [
        "ext::sh -c id",
        "m.git",
        "ftp://h/m",
        "ssh://-oProxyCommand=id/x",
        "",
    ] {
        world.fails(3, &["mirror", "add", "m", url]);
    }
    let told = world.fails(3, &["mirror", "add", "m", "ftp://ann:s3cr3t@h/m"]);
    assert!(!told.contains("s3cr3t"), "{told}");
    for args in [&["mirror", "push", "m"][..], &["mirror", "remove", "m"]] {
        assert_eq!(world.fails(1, args), "there is no mirror m");
    }
    let empty = World::empty();
    assert_eq!(empty.ok(&["mirror", "list"]), "");
    assert_eq!(empty.json(&["mirror", "status"]), json!([]));
    empty.fails(1, &["mirror", "push"]);
}

#[test]
fn other_remotes_are_left_alone() {
    let world = World::with_store("sha1");
    let mirror = bare(&world, "m.git");
    world.git(&["remote", "add", "upstream", url(&mirror)]);
    // The origin of a mirror clone: it has `mirror` set too.
    world.git(&["remote", "add", "--mirror=fetch", "origin", url(&mirror)]);
    world.git(&["config", "remote.origin.mirror", "true"]);
    assert_eq!(world.ok(&["mirror", "list"]), "");
    assert_eq!(
        world.fails(1, &["mirror", "remove", "upstream"]),
        "there is no mirror upstream"
    );
    let taken = world.fails(4, &["mirror", "add", "upstream", url(&mirror)]);
    assert_eq!(taken, "a remote upstream already exists");
    assert_eq!(world.ok(&["mirror", "push"]), "");
    assert_eq!(refs(&world, &mirror).unwrap(), "");
}

#[test]
fn somebody_elses_repository_is_not_wiped() {
    let world = World::with_store("sha1");
    let backup = bare(&world, "m.git");
    world.add("a.wasm", 1);
    world.changes(&["mirror", "add", "m", url(&backup)]);
    world.changes(&["mirror", "push"]);
    let before = refs(&world, &backup);
    // Another store, as it is after the first one's disk was lost.
    let other = world.path("other");
    let root = ["--root", url(&other)];
    world.ok(&[&root[..], &["init"]].concat());
    let add = [&root[..], &["mirror", "add", "m", url(&backup)]].concat();
    let ran = world.run(&add);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(
        reason(&ran.err, &add).contains("refs/heads/main"),
        "{ran:?}"
    );
    // Nor when the remote is set up by hand, or could not be looked at when it was added.
    let by_hand = [
        "--git-dir",
        url(&other),
        "remote",
        "add",
        "--mirror=push",
        "m",
        url(&backup),
    ];
    assert!(
        world
            .command("git")
            .args(by_hand)
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(
        world.run(&[&root[..], &["mirror", "push"]].concat()).code,
        Some(4)
    );
    assert_eq!(refs(&world, &backup), before);
    world.ok(&[&root[..], &["mirror", "remove", "m"]].concat());
    world.ok(&[&add[..], &["--force"]].concat());
    world.ok(&[&root[..], &["mirror", "push"]].concat());
    assert_ne!(refs(&world, &backup), before);
    // The same store, further on, may take its old mirror up again.
    world.add("b.wasm", 2);
    world.changes(&["mirror", "remove", "m"]);
    world.ok(&["mirror", "add", "m", url(&backup), "--force"]);
    world.changes(&["mirror", "push"]);
    world.add("c.wasm", 3);
    world.changes(&["mirror", "remove", "m"]);
    world.changes(&["mirror", "add", "m", url(&backup)]);
    world.changes(&["mirror", "push"]);
    assert!(is_equal(&world, &backup));
}

#[test]
fn what_is_known_may_be_lost_or_damaged() {
    let world = World::with_store("sha1");
    let mirror = bare(&world, "m.git");
    world.changes(&["mirror", "add", "m", url(&mirror)]);
    world.changes(&["mirror", "push"]);
    let file = world.root().join("wasmstore/mirrors/m.json");
    for damage in ["", "{", "[]", "{\"url\":7}", "{\"url\":\"/other\"}"] {
        fs::write(&file, damage).unwrap();
        let status = world.ok(&["mirror", "status"]);
        assert!(status.starts_with("m\tunknown\t"), "{damage}: {status}");
        world.changes(&["gc"]);
        world.ok(&["mirror", "push"]);
        assert!(
            world.ok(&["mirror", "status"]).starts_with("m\tin sync\t"),
            "{damage}"
        );
    }
    fs::remove_dir_all(world.root().join("wasmstore")).unwrap();
    world.add("a.wasm", 1);
    world.changes(&["mirror", "push"]);
    assert!(is_equal(&world, &mirror));
}

#[test]
fn the_lag_is_the_age_of_the_oldest_change_that_is_missing() {
    let world = World::with_store("sha1");
    let mirror = bare(&world, "m.git");
    world.changes(&["mirror", "add", "m", url(&mirror)]);
    world.changes(&["mirror", "push"]);
    let lag = || {
        world.json(&["mirror", "status"])[0]["lag_s"]
            .as_f64()
            .unwrap()
    };
    assert_eq!(lag(), 0.0);
    let began = std::time::Instant::now();
    world.add("a.wasm", 1);
    std::thread::sleep(std::time::Duration::from_millis(2500));
    // A newer change makes it no younger.
    world.add("b.wasm", 2);
    let (told, age) = (lag(), began.elapsed().as_secs_f64());
    // Commits tell whole seconds.
    assert!(told <= age + 1.1 && told > 2.4, "{told} of {age}");
    world.changes(&["mirror", "push"]);
    assert_eq!(lag(), 0.0);
    // A branch that is gone was missed for the first time by who asked first.
    world.changes(&["branch", "dev"]);
    world.changes(&["mirror", "push"]);
    world.changes(&["branch", "dev", "--delete"]);
    assert!(lag() < 1.0);
    std::thread::sleep(std::time::Duration::from_millis(1200));
    let told = lag();
    assert!((1.2..3.0).contains(&told), "{told}");
}

#[test]
fn without_git_there_is_a_clear_error() {
    let world = World::with_store("sha1");
    for args in [
        &["mirror", "add", "m", "/srv/m.git"][..],
        &["mirror", "push"],
        &["--root", "new", "clone", "/srv/m.git"],
    ] {
        let mut command = world.wasmstore(args);
        let ran =
            crate::support::program::Ran::from(command.env("PATH", "/nowhere").output().unwrap());
        assert_eq!(ran.code, Some(5), "{ran:?}");
        assert_eq!(
            reason(&ran.err, args),
            "this needs git, which is not installed"
        );
    }
    assert!(!world.path("new").exists());
}
