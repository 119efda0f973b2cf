//! Refs that cannot be read: an empty file, garbage, a symbolic ref to nothing, the id of a missing object. Each is skipped, reported,
//! and can be deleted. It stops only gc, which cannot know what the ref keeps.

use std::fs;
use std::path::Path;

use crate::support::program::{World, module};
use crate::support::server::Server;

/// The contents of broken refs, and what `verify` reports.
fn broken() -> [(String, String); 5] {
    let missing = "7".repeat(40);
    let reason = "its file contains neither an object id nor the name of a ref";
    [
        (String::new(), "its file is empty".to_owned()),
        ("[.ShellClassInfo]\n".to_owned(), reason.to_owned()),
        (
            "ref: refs/heads/none\n".to_owned(),
            "it names refs/heads/none, which does not exist".to_owned(),
        ),
        (
            format!("{missing}\n"),
            format!("it points to object {missing}, which is missing"),
        ),
        ("0".repeat(40) + "\n", "it has the id zero".to_owned()),
    ]
}

fn refs(world: &World, repository: &Path) -> Vec<String> {
    let mut git = world.command("git");
    let listed = git.args(["ls-remote", "--heads"]).arg(repository).output();
    let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
    let names = listed.lines().filter_map(|line| line.split_once('\t'));
    names.map(|(_, name)| name.to_owned()).collect()
}

/// Runs the program, which must succeed. A warning about the broken ref is no failure.
#[track_caller]
fn succeeds(world: &World, args: &[&str]) -> String {
    let ran = world.run(args);
    assert_eq!(ran.code, Some(0), "{args:?}: {ran:?}");
    ran.out
}

#[test]
fn a_broken_ref_stops_only_gc_and_can_be_deleted() {
    for (content, reason) in broken() {
        let world = World::with_store("sha1");
        world.add("a.wasm", 1);
        world.ok(&["branch", "next"]);
        world.ok(&["branch", "other"]);
        let mirror = world.path("m.git");
        let mut git = world.command("git");
        let made = git.args(["init", "-q", "--bare"]).arg(&mirror).status();
        assert!(made.unwrap().success());
        world.ok(&["mirror", "add", "m", mirror.to_str().unwrap()]);
        world.ok(&["mirror", "push"]);
        let file = world.root().join("refs/heads/next");
        fs::remove_file(&file).unwrap();
        fs::write(&file, &content).unwrap();

        let ran = world.run(&["branch", "--list"]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), "main\nother\n"));
        assert!(
            ran.err.contains("refs/heads/next") && ran.err.contains(&reason),
            "{ran:?}"
        );
        world.file("b.wasm", module(2));
        succeeds(&world, &["add", "b.wasm"]);
        succeeds(&world, &["backup", "b.tgz"]);
        succeeds(&world, &["mirror", "push"]);
        assert_eq!(
            refs(&world, &mirror),
            ["refs/heads/main", "refs/heads/next", "refs/heads/other"]
        );
        succeeds(&world, &["branch", "other", "--delete"]);
        succeeds(&world, &["mirror", "push"]);
        assert_eq!(
            refs(&world, &mirror),
            ["refs/heads/main", "refs/heads/next"]
        );
        let status = succeeds(&world, &["mirror", "status"]);
        assert!(status.starts_with("m\tin sync\t"), "{status}");

        let ran = world.run(&["verify"]);
        assert_eq!(ran.code, Some(5), "{ran:?}");
        assert!(
            ran.out.contains(&format!("refs/heads/next: {reason}\n")),
            "{ran:?}"
        );
        let ran = world.run(&["gc"]);
        assert_ne!(ran.code, Some(0));
        let remedy = "delete it with `wasmstore branch next --delete` first";
        assert!(
            ran.err.contains(&reason) && ran.err.contains(remedy),
            "{ran:?}"
        );

        let server = Server::start(&world, &[]);
        let branches = server.get("/api/v1/branches");
        assert_eq!((branches.status, branches.text()), (200, "[\"main\"]"));
        assert_eq!(server.get("/metrics").status, 200);
        let sent = |method, path| server.send(method, path, &[], b"").status;
        assert_eq!(sent("POST", "/api/v1/branch/fresh"), 200);
        assert_eq!(sent("POST", "/api/v1/gc"), 409);
        assert_eq!(sent("DELETE", "/api/v1/branch/next"), 200);
        assert_eq!(sent("POST", "/api/v1/gc"), 200);
        drop(server);
        assert_eq!(world.ok(&["branch", "--list"]), "fresh\nmain\n");
        world.changes(&["mirror", "push"]);
        assert_eq!(
            refs(&world, &mirror),
            ["refs/heads/fresh", "refs/heads/main"]
        );
    }
}

#[test]
fn a_broken_branch_is_deleted_by_the_command() {
    for (content, _) in broken() {
        let world = World::with_store("sha1");
        world.ok(&["branch", "next"]);
        world.git(&["pack-refs", "--all"]);
        fs::write(world.root().join("refs/heads/next"), &content).unwrap();
        let ran = world.run(&["list", "--branch", "next"]);
        assert_ne!(ran.code, Some(0), "{ran:?}");
        succeeds(&world, &["branch", "next", "--delete"]);
        assert_eq!(world.ok(&["branch", "--list"]), "main\n");
        world.ok(&["branch", "next"]);
        world.changes(&["gc"]);
    }
}

/// The advice in the error is what works, also for the default branch.
#[test]
fn a_broken_default_branch_is_deleted_and_created_again() {
    for (content, _) in broken() {
        for is_served in [false, true] {
            let world = World::with_store("sha1");
            world.add("a.wasm", 1);
            let tip = world.tip();
            let refused = world.fails(4, &["branch", "main", "--delete"]);
            assert!(refused.contains("default branch"), "{refused}");
            fs::write(world.root().join("refs/heads/main"), &content).unwrap();
            assert_ne!(world.run(&["list"]).code, Some(0));
            let ran = world.run(&["gc"]);
            let advice = "delete it with `wasmstore branch main --delete`";
            let is_missing = ran.err.contains("is missing");
            assert!(ran.err.contains(advice) || is_missing, "{ran:?}");
            if is_served {
                let server = Server::start(&world, &[]);
                let deleted = server.send("DELETE", "/api/v1/branch/main", &[], b"");
                assert_eq!(deleted.status, 200, "{}", deleted.text());
            } else {
                succeeds(&world, &["branch", "main", "--delete"]);
            }
            succeeds(&world, &["branch", "main", "--from", &tip]);
            assert!(world.ok(&["list"]).ends_with("\t/a.wasm\n"));
            assert_eq!(world.tip(), tip);
            world.fails(4, &["branch", "main", "--delete"]);
            world.changes(&["gc", "--keep-history"]);
        }
    }
}

#[test]
fn a_push_cannot_move_a_broken_ref_but_others() {
    for (content, reason) in broken() {
        let world = World::with_store("sha1");
        world.ok(&["branch", "next"]);
        fs::write(world.root().join("refs/heads/next"), &content).unwrap();
        let server = Server::start(&world, &[]);
        let url = format!("http://{}/wasmstore.git", server.address);
        let git = |args: &[&str]| {
            let mut git = world.command("git");
            let ran = git
                .args(["-c", "user.name=a", "-c", "user.email=a@b"])
                .args(args)
                .output();
            ran.unwrap()
        };
        assert!(git(&["clone", "-q", &url, "c"]).status.success());
        let push = |to: &str| {
            git(&[
                "-C",
                "c",
                "push",
                "-q",
                "origin",
                &format!("HEAD:refs/heads/{to}"),
            ])
        };
        assert!(push("fresh").status.success());
        let refused = push("next");
        let err = String::from_utf8_lossy(&refused.stderr).replace("\nremote: ", "");
        assert!(!refused.status.success());
        assert!(err.contains("broken") || err.contains(&reason), "{err}");
    }
}

#[test]
fn only_broken_refs_are_hidden_from_git() {
    for (content, reason) in broken() {
        let world = World::with_store("sha1");
        world.add("a.wasm", 1);
        world.ok(&["branch", "next/x"]);
        world.ok(&["branch", "other"]);
        // The file `next` hides the packed ref in no other way than by its name.
        world.git(&["pack-refs", "--all"]);
        let heads = world.root().join("refs/heads");
        let _ = fs::remove_dir(heads.join("next"));
        fs::write(heads.join("next"), &content).unwrap();
        fs::write(heads.join("main"), &content).unwrap();
        let server = Server::start(&world, &[]);
        let url = format!("http://{}/wasmstore.git", server.address);
        for version in ["0", "2"] {
            let mut git = world.command("git");
            let set = format!("protocol.version={version}");
            let cloned = git.args(["-c", &set, "clone", "-q", "--bare", &url, version]);
            let cloned = cloned.output().unwrap();
            assert!(cloned.status.success(), "{content:?} {version} {cloned:?}");
            assert_eq!(
                refs(&world, &world.path(version)),
                ["refs/heads/next/x", "refs/heads/other"]
            );
        }
        let listed = server.get("/api/v1/broken-refs");
        let expected = format!(r#"{{"refs/heads/main":"{reason}","refs/heads/next":"{reason}"}}"#);
        assert_eq!((listed.status, listed.text()), (200, expected.as_str()));
    }
}

#[test]
fn so_many_broken_refs_that_they_cannot_be_hidden_stop_git_with_a_reason() {
    let world = World::with_store("sha1");
    let heads = world.root().join("refs/heads");
    for n in 0..3_000 {
        fs::write(heads.join(format!("{n:0>100}")), "").unwrap();
    }
    let server = Server::start(&world, &[]);
    let mut git = world.command("git");
    let url = format!("http://{}/wasmstore.git", server.address);
    let listed = git.args(["ls-remote", &url]).output().unwrap();
    let err = String::from_utf8_lossy(&listed.stderr);
    assert!(!listed.status.success());
    let path = "/wasmstore.git/info/refs?service=git-upload-pack";
    let text = server.get(path).text().to_owned();
    let err = err.replace("\nremote: ", "");
    for text in [&*err, &*text] {
        assert!(
            text.contains("3000 patterns") && text.contains("`wasmstore verify`"),
            "{text}"
        );
    }
}

#[test]
fn a_line_of_packed_refs_that_is_not_a_ref_may_be_any_ref_of_a_mirror() {
    let world = World::with_store("sha1");
    world.ok(&["branch", "next"]);
    let mirror = world.path("m.git");
    let mut git = world.command("git");
    let made = git.args(["init", "-q", "--bare"]).arg(&mirror).status();
    assert!(made.unwrap().success());
    world.ok(&["mirror", "add", "m", mirror.to_str().unwrap()]);
    world.ok(&["mirror", "push"]);
    world.git(&["pack-refs", "--all"]);
    let packed = world.root().join("packed-refs");
    let text = fs::read_to_string(&packed).unwrap();
    fs::write(
        &packed,
        text.replace(" refs/heads/next", "\u{0}refs/heads/next"),
    )
    .unwrap();
    world.run(&["mirror", "push"]);
    assert_eq!(
        refs(&world, &mirror),
        ["refs/heads/main", "refs/heads/next"]
    );
}

#[test]
fn links_among_the_refs_form_no_cycle() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    let heads = world.root().join("refs/heads");
    for name in ["x", "y"] {
        std::os::unix::fs::symlink(".", heads.join(name)).unwrap();
    }
    assert_eq!(world.ok(&["branch", "--list"]).lines().count(), 1);
}
