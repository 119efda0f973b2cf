//! `core.sharedRepository`: several users of one group write to a store.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::program::{CommandOutput, World, module, without_report};
use crate::support::server::Server;

/// Returns every file and directory below `dir`, with its mode.
fn modes(dir: &Path) -> Vec<(PathBuf, u32)> {
    let mut modes = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        // A server may rename a file that it has just created.
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        if metadata.is_dir() {
            modes.extend(self::modes(&entry.path()));
        }
        modes.push((entry.path(), metadata.permissions().mode()));
    }
    modes
}

/// Runs a command with a umask that grants the group nothing.
fn with_umask(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 077; exec \"$@\"", "sh"]);
    shell.arg(command.get_program()).args(command.get_args());
    shell.env_clear();
    shell.envs(
        command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    shell.current_dir(command.get_current_dir().unwrap());
    shell
}

#[test]
fn everything_in_a_shared_store_is_shared() {
    let world = World::empty();
    let mut init = world.command("git");
    init.args(["init", "-q", "--bare", "--shared=group"]);
    assert!(init.arg(world.root()).status().unwrap().success());
    let before: Vec<_> = modes(&world.root())
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    world.file("a.wasm", module(1));
    let mut large = module(2);
    // A custom section, so that the module is written as a loose object.
    large.extend([0, 0x84, 0x80, 0x10, 1, b'x']);
    large.extend(vec![0; (0x10 << 14) + 2]);
    world.file("large.wasm", large);
    let run = |args: &[&str]| {
        let ran = CommandOutput::from(with_umask(&world.wasmstore(args)).output().unwrap());
        assert_eq!(
            (ran.code, without_report(&ran.err)),
            (Some(0), ""),
            "{args:?}"
        );
    };
    run(&["init"]);
    run(&["add", "a.wasm"]);
    run(&["add", "large.wasm"]);
    run(&["branch", "n/e"]);
    run(&["filename", "a.wasm"]);
    run(&[
        "mirror",
        "add",
        "m",
        world.path("nowhere").to_str().unwrap(),
        "--force",
    ]);
    run(&["gc", "--keep-history"]);
    run(&["add", "a.wasm", "b.wasm"]);
    let server = Server::start_command(with_umask(&world.wasmstore(&["server", "--port", "0"])));
    let created = server.send("POST", "/api/v1/module/c.wasm", &[], &module(3));
    assert_eq!(created.status, 200);
    let unshared = || {
        let mut modes = modes(&world.root());
        modes.retain(|(path, mode)| {
            let is_dir = mode & 0o170_000 == 0o040_000;
            let expected = match (is_dir, mode & 0o200) {
                (true, _) => 0o2070,
                (false, 0) => 0o040,
                (false, _) => 0o060,
            };
            !before.contains(path) && mode & expected != expected
        });
        modes
    };
    // The server works on its mirror, and shares each file after it has created it.
    let deadline = Instant::now() + Duration::from_secs(30);
    while !unshared().is_empty() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(unshared(), []);
}

#[test]
fn two_users_of_a_group_write_to_a_shared_store() {
    let world = World::empty();
    let probe = Command::new("setpriv")
        .args(["--reuid=4001", "true"])
        .status();
    if !probe.is_ok_and(|status| status.success()) {
        eprintln!("skipped: changing the user needs root and setpriv");
        return;
    }
    let dir = world.path("d");
    let as_user = |user: &str, command: &Command| {
        let mut run = Command::new("setpriv");
        run.args([&format!("--reuid={user}"), &format!("--regid={user}")]);
        run.args(["--groups=4000", "sh", "-c", "umask 022; exec \"$@\"", "sh"]);
        run.arg(command.get_program()).args(command.get_args());
        run.env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap());
        run.env("HOME", "/nonexistent").current_dir(&dir);
        CommandOutput::from(run.output().unwrap())
    };
    // The program and the store are in directories that other users may enter.
    let open = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    fs::create_dir(&dir).unwrap();
    dir.ancestors()
        .take(3)
        .for_each(|dir| open(dir, 0o755).unwrap());
    fs::copy(env!("CARGO_BIN_EXE_wasmstore"), dir.join("wasmstore")).unwrap();
    open(&dir.join("wasmstore"), 0o755).unwrap();
    for (name, n) in [("a.wasm", 1), ("b.wasm", 2)] {
        fs::write(dir.join(name), module(n)).unwrap();
        open(&dir.join(name), 0o644).unwrap();
    }
    let setup = "git init -q --bare --shared=group s && chgrp -R 4000 s && find s -type d -exec chmod 2775 {} + && \
                 chmod g+rw s/config s/HEAD";
    let status = world
        .command("sh")
        .args(["-c", setup])
        .current_dir(&dir)
        .status();
    assert!(status.unwrap().success());
    for (user, args) in [
        ("4001", &["add", "a.wasm"][..]),
        ("4002", &["add", "b.wasm"]),
        ("4001", &["branch", "n/e"]),
        ("4002", &["branch", "n/f"]),
        ("4002", &["gc", "--keep-history"]),
        ("4001", &["mirror", "add", "--force", "m", "/nonexistent"]),
        ("4002", &["mirror", "remove", "m"]),
        ("4001", &["remove", "b.wasm"]),
    ] {
        let mut command = Command::new(dir.join("wasmstore"));
        command.args(["--root", "s"]).args(args);
        let ran = as_user(user, &command);
        assert_eq!(
            (ran.code, without_report(&ran.err)),
            (Some(0), ""),
            "{user} {args:?}"
        );
    }
}
