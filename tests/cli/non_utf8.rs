//! A store below a directory whose name is not UTF-8: every command works.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::support::program::{CommandOutput, World, module};
use crate::support::server::Server;

#[test]
fn every_command_works_below_a_directory_that_is_not_utf8() {
    let world = World::empty();
    let root: PathBuf = world.path("").join(OsStr::from_bytes(b"caf\xe9/s"));
    world.file("a.wasm", module(1));
    world.file("modules/x.wasm", module(2));
    let run = |args: &[&str]| {
        let mut command = world.command(env!("CARGO_BIN_EXE_wasmstore"));
        command.arg("--root").arg(&root).args(args);
        let ran = CommandOutput::from(command.output().unwrap());
        assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.err);
        ran.out
    };
    run(&["init"]);
    let hash = run(&["add", "a.wasm"]);
    let hash = hash.trim();
    run(&["import", "modules", "m"]);
    run(&["branch", "dev"]);
    run(&["add", "a.wasm", "b.wasm"]);
    run(&["remove", "b.wasm"]);
    run(&["set", hash, "c.wasm"]);
    let newest = run(&["snapshot"]);
    let newest = newest.split_whitespace().next().unwrap();
    run(&["rollback"]);
    run(&["restore", newest]);
    run(&["--branch", "dev", "add", "a.wasm", "dev.wasm"]);
    run(&["merge", "dev"]);
    for args in [
        &["list"][..],
        &["find", "a.wasm", "-o", "out.wasm"],
        &["hash", "a.wasm"],
        &["contains", "a.wasm"],
        &["filename", "a.wasm"],
        &["versions", "a.wasm"],
        &["audit", "a.wasm"],
        &["log"],
        &["diff", "dev", "main"],
        &["info", "a.wasm"],
        &["show"],
        &["commit", newest],
        &["verify"],
        &["reindex"],
        &["backup", "store.tar"],
        &["export", "-o", "exported"],
        &[],
    ] {
        run(args);
    }
    let mirror = world.path("").join(OsStr::from_bytes(b"mirror.git"));
    let init = world
        .command("git")
        .args(["init", "-q", "--bare"])
        .arg(&mirror)
        .status();
    assert!(init.unwrap().success());
    run(&["mirror", "add", "m", mirror.to_str().unwrap()]);
    run(&["mirror", "push", "m"]);
    run(&["mirror", "status"]);
    run(&["mirror", "remove", "m"]);
    run(&["gc", "--keep-history"]);
    run(&["gc"]);
    assert_eq!(
        std::fs::read_dir(root.join("wasmstore/gc"))
            .unwrap()
            .count(),
        0
    );
    let mut other = OsString::from(&root);
    other.push("2");
    let mut clone = world.command(env!("CARGO_BIN_EXE_wasmstore"));
    clone.arg("--root").arg(&other).arg("clone").arg(&mirror);
    let ran = CommandOutput::from(clone.output().unwrap());
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let mut command = world.command(env!("CARGO_BIN_EXE_wasmstore"));
    command
        .arg("--root")
        .arg(&root)
        .args(["server", "--port", "0"]);
    let server = Server::start_command(command);
    let url = format!("http://{}/wasmstore.git", server.address);
    let script = "git clone -q \"$1\" c && cd c && git -c user.name=a -c user.email=a@b.c commit -q --allow-empty -m x && git push -q";
    let pushed = world
        .command("sh")
        .args(["-c", script, "sh", &url])
        .output();
    let pushed = CommandOutput::from(pushed.unwrap());
    assert_eq!((pushed.code, pushed.err.as_str()), (Some(0), ""));
    // A push to a path runs the hooks in a process that git starts.
    let script = "cd c && git -c user.name=a -c user.email=a@b.c commit -q --allow-empty -m y && git push -q \"$1\" HEAD:main";
    let program = PathBuf::from(env!("CARGO_BIN_EXE_wasmstore"));
    let mut push = world.command("sh");
    push.args(["-c", script, "sh"]).arg(&root);
    push.env("WASMSTORE_PROGRAM", program);
    let pushed = CommandOutput::from(push.output().unwrap());
    assert_eq!((pushed.code, pushed.err.as_str()), (Some(0), ""));
}
