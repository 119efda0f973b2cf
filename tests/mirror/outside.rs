//! Remotes of every kind, and those that hang, ask, refuse, or are not there: nothing waits for ever, and no secret is told.

use std::time::{Duration, Instant};

use super::rig::{Listener, bare, http, is_equal, script, ssh};
use crate::support::program::{Ran, World, reason};

/// Runs with variables set.
fn with(world: &World, variables: &[(&str, &str)], args: &[&str]) -> Ran {
    let mut command = world.wasmstore(args);
    command.envs(variables.iter().copied());
    command.output().unwrap().into()
}

/// Adds a mirror that may be unreachable.
fn add(world: &World, url: &str) {
    let ran = world.run(&["mirror", "add", "m", url]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn ssh_is_run_as_the_user_says() {
    let world = World::with_store("sha1");
    let mirror = bare(&world, "m.git");
    let program = ssh(&world);
    let program = program.to_str().unwrap();
    let config = format!("[core]\n\tsshCommand = {program}\n");
    world.file("gitconfig", config);
    let config = world.path("gitconfig");
    for (nth, variable) in [
        ("GIT_SSH_COMMAND", program),
        ("GIT_CONFIG_GLOBAL", config.to_str().unwrap()),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("m{nth}");
        let url = format!("ssh://git@store.example:2222{}", mirror.display());
        let added = with(&world, &[variable], &["mirror", "add", &name, &url]);
        assert_eq!((added.code, added.err.as_str()), (Some(0), ""));
        world.add("a.wasm", nth as u32);
        let pushed = with(&world, &[variable], &["mirror", "push", &name]);
        assert_eq!((pushed.code, pushed.err.as_str()), (Some(0), ""));
        assert!(is_equal(&world, &mirror));
    }
    let log = std::fs::read_to_string(world.path("ssh.log")).unwrap();
    assert!(log.contains("git@store.example git-receive-pack"), "{log}");
}

#[test]
fn ssh_asks_nothing_unless_the_user_says_otherwise() {
    let world = World::with_store("sha1");
    let bin = world.path("bin");
    std::fs::create_dir(&bin).unwrap();
    script(&world, "bin/ssh", "echo \"$@\" >>\"${0%/*}/log\"; exit 255");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let added = with(
        &world,
        &[("PATH", &path)],
        &["mirror", "add", "m", "git@h:m.git"],
    );
    assert_eq!(added.code, Some(0), "{added:?}");
    let log = std::fs::read_to_string(bin.join("log")).unwrap();
    assert!(
        log.contains("-oBatchMode=yes") && log.contains("-oConnectTimeout="),
        "{log}"
    );
}

#[test]
fn a_remote_that_says_nothing_is_given_up() {
    let world = World::with_store("sha1");
    let silent = Listener::silent();
    for scheme in ["http", "git"] {
        let url = format!("{scheme}://{}/m.git", silent.address);
        world.git(&["remote", "add", "--mirror=push", scheme, &url]);
        let began = Instant::now();
        let args = ["mirror", "push", scheme, "--timeout", "2"];
        let told = reason(&world.run(&args).err, &args);
        assert!(
            told.ends_with("git ls-remote did not end within 2 s"),
            "{told}"
        );
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "{:?}",
            began.elapsed()
        );
    }
}

#[test]
fn a_password_that_nobody_has_is_not_asked_for() {
    let world = World::with_store("sha1");
    let asks = Listener::answering(|_| {
        http(
            "401 Unauthorized",
            "WWW-Authenticate: Basic realm=\"m\"\r\n",
            b"",
        )
    });
    let began = Instant::now();
    // Whoever would be asked instead of a terminal leaves a trace.
    let askpass = script(&world, "askpass", "touch \"${0%/*}/asked\"; sleep 60");
    let askpass = askpass.to_str().unwrap();
    let url = format!("http://{}/m.git", asks.address);
    world.git(&["remote", "add", "--mirror=push", "m", &url]);
    let variables = [
        ("GIT_ASKPASS", askpass),
        ("SSH_ASKPASS", askpass),
        ("DISPLAY", ":9"),
    ];
    let ran = with(&world, &variables, &["mirror", "push"]);
    assert_eq!(ran.code, Some(5), "{ran:?}");
    // Two versions of git.
    let told = [
        "could not read Username",
        "unable to get password from user",
    ];
    assert!(told.iter().any(|told| ran.err.contains(told)), "{ran:?}");
    assert!(!world.path("asked").exists());
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn the_users_credential_helper_is_asked() {
    let world = World::with_store("sha1");
    let asks = Listener::answering(|head| match head.contains("uthorization: Basic") {
        true => http("403 Forbidden", "", b""),
        false => http(
            "401 Unauthorized",
            "WWW-Authenticate: Basic realm=\"m\"\r\n",
            b"",
        ),
    });
    let helper = script(&world, "helper", "echo username=ann\necho password=s3cr3t");
    let config = format!("[credential]\n\thelper = {}\n", helper.display());
    world.file("gitconfig", config);
    let config = world.path("gitconfig");
    let url = format!("http://{}/m.git", asks.address);
    world.git(&["remote", "add", "--mirror=push", "m", &url]);
    let variables = [("GIT_CONFIG_GLOBAL", config.to_str().unwrap())];
    let ran = with(&world, &variables, &["mirror", "push"]);
    assert!(ran.code == Some(5) && ran.err.contains("403"), "{ran:?}");
    // ann:s3cr3t
    let heads = asks.heads.lock().unwrap();
    assert!(
        heads
            .iter()
            .any(|head| head.contains("Basic YW5uOnMzY3IzdA==")),
        "{heads:?}"
    );
}

#[test]
fn no_secret_is_told_anywhere() {
    let world = World::with_store("sha1");
    let refuses = Listener::answering(|_| http("404 Not Found", "", b"no s3cr3t here"));
    let url = format!("http://ann:s3cr3t@{}/m.git?token=t0k3n", refuses.address);
    let added = world.run(&["mirror", "add", "m", &url]);
    let mut told = format!("{added:?}");
    for args in [
        &["mirror", "push", "-vv"][..],
        &["mirror", "list"],
        &["mirror", "list", "--json"],
        &["mirror", "status", "--json"],
        &["mirror", "status"],
        &["mirror", "add", "m", &url],
        &["--root", "new", "clone", &url],
        &["mirror", "remove", "m", "-vv"],
    ] {
        let ran = world.run(args);
        assert!(!ran.out.is_empty() || !ran.err.is_empty() || args.contains(&"remove"));
        told += &format!("{args:?}: {ran:?}").replace(&format!("{args:?}"), "");
    }
    let secret = |text: &str| text.contains("s3cr3t") || text.contains("t0k3n");
    assert!(!secret(&told) && told.contains("ann:***@"), "{told}");
}

#[test]
fn what_the_other_side_says_is_told() {
    let world = World::with_store("sha1");
    add(&world, world.path("nowhere.git").to_str().unwrap());
    let args = ["mirror", "push"];
    let told = reason(&world.run(&args).err, &args);
    assert!(
        told.contains("does not appear to be a git repository"),
        "{told}"
    );
    world.changes(&["mirror", "remove", "m"]);
    let mirror = bare(&world, "m.git");
    script(
        &world,
        "m.git/hooks/pre-receive",
        "echo the disk is full >&2; exit 1",
    );
    add(&world, mirror.to_str().unwrap());
    let told = reason(&world.run(&args).err, &args);
    assert!(told.contains("remote: the disk is full"), "{told}");
    assert!(
        told.contains("refs/heads/main: [remote rejected]"),
        "{told}"
    );
    let status = world.ok(&["mirror", "status"]);
    assert!(
        status.contains("behind") && status.contains("the disk is full"),
        "{status}"
    );
}

#[test]
fn one_ref_that_is_refused_holds_up_no_other() {
    let world = World::with_store("sha1");
    let mirror = bare(&world, "m.git");
    script(
        &world,
        "m.git/hooks/update",
        "test \"$1\" != refs/heads/dev",
    );
    add(&world, mirror.to_str().unwrap());
    world.changes(&["branch", "dev"]);
    world.add("a.wasm", 1);
    let ran = world.run(&["mirror", "push"]);
    assert!(
        ran.code == Some(5) && ran.err.contains("refs/heads/dev"),
        "{ran:?}"
    );
    let there = super::rig::refs(&world, &mirror).unwrap();
    assert_eq!(there, format!("{}\trefs/heads/main\n", world.tip()));
    let state = std::fs::read_to_string(world.root().join("wasmstore/mirrors/m.json")).unwrap();
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    let missing: Vec<_> = state["missing"].as_object().unwrap().keys().collect();
    assert_eq!(missing, ["refs/heads/dev"]);
}
