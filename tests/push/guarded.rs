//! No push bypasses the hooks, and `init` and `server` install them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::Clone;
use crate::support::program::World;
use crate::support::server::Server;

#[test]
fn pushes_are_refused_if_the_program_is_missing() {
    let world = World::with_store("sha1");
    let mut clone = Clone::of(&world, "clone");
    clone.module("a", 1);
    clone.variables = vec![(
        "WASMSTORE_PROGRAM".to_owned(),
        "/nowhere/wasmstore".to_owned(),
    )];
    let seen = clone.refused(&["main"]);
    assert!(
        seen.contains("nothing can be pushed: there is no /nowhere/wasmstore"),
        "{seen}"
    );
}

#[test]
fn the_pushers_git_configuration_cannot_bypass_the_hooks() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone");
    clone.commit("a", "no module");
    let config = world.path("gitconfig");
    fs::write(
        &config,
        "[core]\n hooksPath = /nowhere\n[receive]\n procReceiveRefs = !refs\n unpackLimit = 1000\n",
    )
    .unwrap();
    let clone = clone.with("GIT_CONFIG_GLOBAL", config.to_str().unwrap());
    let seen = clone.refused(&["main"]);
    assert!(seen.contains("it is not a valid module"), "{seen}");
}

#[test]
fn init_and_server_repair_hooks_and_their_configuration() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone");
    clone.module("a", 1);
    let hooks = world.root().join("hooks");
    let whole = fs::read(hooks.join("pre-receive")).unwrap();
    let breaks: [(&dyn Fn(), &str); 4] = [
        (
            &|| fs::remove_file(hooks.join("proc-receive")).unwrap(),
            "the hook proc-receive is missing",
        ),
        (
            &|| drop(world.git(&["config", "--unset", "receive.procReceiveRefs"])),
            "receive.procReceiveRefs=refs in its configuration is missing",
        ),
        (
            &|| drop(world.git(&["config", "receive.shallowUpdate", "true"])),
            "receive.shallowUpdate=false in its configuration is missing",
        ),
        (
            &|| fs::write(hooks.join("proc-receive"), [&whole[..], b"true\n"].concat()).unwrap(),
            "the hook proc-receive is missing",
        ),
    ];
    for (nth, (break_it, reason)) in breaks.into_iter().enumerate() {
        break_it();
        let seen = clone.refused(&["main"]);
        assert!(seen.contains(reason), "{reason:?} in {seen}");
        assert!(
            seen.contains("run `wasmstore init` on the store's machine"),
            "{seen}"
        );
        if nth % 2 == 0 {
            assert_eq!(world.ok(&["init"]), "");
        } else {
            drop(Server::start(&world, &[]));
        }
        clone.pushes(&["--dry-run", "main"]);
        clone.pushes(&[&format!("main:refs/heads/{nth}")]);
    }
    assert_eq!(world.git(&["config", "core.hooksPath"]), "hooks");
}

#[test]
fn hooks_of_other_programs_stay_and_pushes_are_refused() {
    for name in ["pre-receive", "proc-receive"] {
        let world = World::with_store("sha1");
        let clone = Clone::of(&world, "clone");
        clone.module("a", 1);
        let hook = world.root().join("hooks").join(name);
        let theirs = "#!/bin/sh\nexit 0\n";
        fs::write(&hook, theirs).unwrap();
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
        let ran = world.run(&["init"]);
        assert_eq!(ran.code, Some(0));
        assert!(
            ran.err.contains("is not the store's own hook"),
            "{}",
            ran.err
        );
        let server = Server::start(&world, &[]);
        assert!(
            server.log().contains("is not the store's own hook"),
            "{}",
            server.log()
        );
        let ran = clone.run(&["push", "origin", "main"]);
        assert_eq!(ran.code, Some(1), "{}", ran.err);
        assert_eq!(fs::read_to_string(&hook).unwrap(), theirs);
        assert!(world.git(&["ls-tree", "main"]).is_empty());
    }
}

#[test]
fn a_store_created_by_a_command_accepts_pushes() {
    let world = World::empty();
    world.add("a", 1);
    let clone = Clone::of(&world, "clone");
    clone.module("b", 2);
    clone.pushes(&["main"]);
}

#[test]
fn a_bare_git_repository_becomes_a_store_that_accepts_pushes() {
    let world = World::empty();
    let root = world.root();
    let made = world
        .command("git")
        .args(["init", "-q", "--bare", "-b", "main"])
        .arg(&root)
        .output();
    assert!(made.unwrap().status.success());
    world.ok(&["init"]);
    let clone = Clone::of(&world, "clone");
    clone.commit("a", "no module");
    let seen = clone.refused(&["HEAD:main"]);
    assert!(seen.contains("it is not a valid module"), "{seen}");
    clone.module("a", 1);
    clone.git(&["checkout", "-q", "--orphan", "new"]);
    clone.commit_all();
    clone.pushes(&["new:main"]);
    assert_eq!(world.ok(&["list"]).lines().count(), 1);
}
