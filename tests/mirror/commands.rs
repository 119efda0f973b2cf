//! `mirror add`, `list`, `status`, `push` and `remove`: the effect, the output and the errors of each.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;

use super::support::{bare, bare_of, is_equal, refs};
use crate::support::program::{FORMATS, World, reason};

fn url(path: &std::path::Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_mirror_is_a_git_remote_that_a_push_makes_equal() {
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
        // A push deletes what was deleted in the store, and reverts what others changed in the mirror.
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
            "the repository stays"
        );
        assert!(!world.root().join("wasmstore/mirrors/m.json").exists());
    }
}

#[test]
fn json_output_has_the_documented_shape() {
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
fn invalid_names_and_urls_are_rejected() {
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
    let error = world.fails(3, &["mirror", "add", "m", "ftp://ann:s3cr3t@h/m"]);
    assert!(!error.contains("s3cr3t"), "{error}");
    for args in [&["mirror", "push", "m"][..], &["mirror", "remove", "m"]] {
        assert_eq!(world.fails(1, args), "there is no mirror m");
    }
    let empty = World::empty();
    assert_eq!(empty.ok(&["mirror", "list"]), "");
    for command in ["status", "push"] {
        let missing = empty.fails(1, &["mirror", command]);
        assert!(missing.starts_with("there is no store at "), "{missing}");
    }
    empty.ok(&["init"]);
    let status = empty.run(&["mirror", "status"]);
    let note = "the store has no mirror: `wasmstore mirror add NAME URL` adds one\n";
    assert_eq!((status.code, &*status.err), (Some(0), note));
    assert_eq!(empty.json(&["mirror", "status"]), json!([]));
    let none = "the store has no mirror to push to";
    assert_eq!(empty.fails(1, &["mirror", "push"]), none);
}

#[test]
fn other_remotes_are_not_mirrors() {
    let world = World::with_store("sha1");
    let mirror = bare(&world, "m.git");
    world.git(&["remote", "add", "upstream", url(&mirror)]);
    // The origin of a mirror clone has `mirror` set too.
    world.git(&["remote", "add", "--mirror=fetch", "origin", url(&mirror)]);
    world.git(&["config", "remote.origin.mirror", "true"]);
    assert_eq!(world.ok(&["mirror", "list"]), "");
    assert_eq!(
        world.fails(1, &["mirror", "remove", "upstream"]),
        "there is no mirror upstream"
    );
    let error = world.fails(4, &["mirror", "add", "upstream", url(&mirror)]);
    assert_eq!(error, "a git remote named upstream already exists");
    let none = "the store has no mirror to push to";
    assert_eq!(world.fails(1, &["mirror", "push"]), none);
    assert_eq!(refs(&world, &mirror).unwrap(), "");
}

#[test]
fn an_unrelated_repository_is_not_overwritten() {
    let world = World::with_store("sha1");
    let backup = bare(&world, "m.git");
    world.add("a.wasm", 1);
    world.changes(&["mirror", "add", "m", url(&backup)]);
    world.changes(&["mirror", "push"]);
    let before = refs(&world, &backup);
    // A new store, as after the loss of the first one's disk.
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
    // Nor is it overwritten if the remote was configured by hand, without the check of `mirror add`.
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
    // The first store may use its old mirror again, which lags behind it.
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
fn a_lost_or_damaged_state_file_is_rebuilt() {
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
fn the_lag_is_the_age_of_the_oldest_missing_change() {
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
    let start = Instant::now();
    world.add("a.wasm", 1);
    std::thread::sleep(Duration::from_millis(2500));
    // A newer change does not reduce the lag.
    world.add("b.wasm", 2);
    let (reported, age) = (lag(), start.elapsed().as_secs_f64());
    // A commit's date has whole seconds.
    assert!(
        reported <= age + 1.1 && reported > 2.4,
        "{reported} of {age}"
    );
    world.changes(&["mirror", "push"]);
    assert_eq!(lag(), 0.0);
    // The lag of a deleted branch starts at the first comparison after the deletion.
    world.changes(&["branch", "dev"]);
    world.changes(&["mirror", "push"]);
    world.changes(&["branch", "dev", "--delete"]);
    let start = Instant::now();
    assert!(lag() < 1.0);
    std::thread::sleep(Duration::from_millis(1200));
    let (reported, age) = (lag(), start.elapsed().as_secs_f64());
    assert!((1.2..age).contains(&reported), "{reported} of {age}");
}

#[test]
fn without_git_the_error_says_so() {
    let world = World::with_store("sha1");
    for args in [
        &["mirror", "add", "m", "/srv/m.git"][..],
        &["mirror", "push"],
        &["--root", "new", "clone", "/srv/m.git"],
    ] {
        let mut command = world.wasmstore(args);
        let ran = crate::support::program::CommandOutput::from(
            command.env("PATH", "/nowhere").output().unwrap(),
        );
        assert_eq!(ran.code, Some(5), "{ran:?}");
        assert_eq!(
            reason(&ran.err, args),
            "this operation needs git, which is not installed"
        );
    }
    assert!(!world.path("new").exists());
}
