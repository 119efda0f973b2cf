//! Remotes of every kind, including remotes that hang, ask for a password, reject pushes or do not exist: every push ends, and no
//! output contains a secret.

use std::time::Instant;

use super::support::{Listener, bare, http, is_equal, refs, script, ssh};
use crate::support::program::{CommandOutput, World, reason};
use crate::support::waiting::LONG;

/// Runs the program with environment variables.
fn with(world: &World, variables: &[(&str, &str)], args: &[&str]) -> CommandOutput {
    let mut command = world.wasmstore(args);
    command.envs(variables.iter().copied());
    command.output().unwrap().into()
}

/// Adds a mirror, which may be unreachable.
fn add(world: &World, url: &str) {
    let ran = world.run(&["mirror", "add", "m", url]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn the_users_ssh_command_is_used() {
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
fn ssh_runs_in_batch_mode_by_default() {
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
fn a_silent_remote_times_out() {
    let world = World::with_store("sha1");
    let silent = Listener::silent();
    for scheme in ["http", "git"] {
        let url = format!("{scheme}://{}/m.git", silent.address);
        world.git(&["remote", "add", "--mirror=push", scheme, &url]);
        let start = Instant::now();
        let args = ["mirror", "push", scheme, "--timeout", "2"];
        let error = reason(&world.run(&args).err, &args);
        assert!(
            error.ends_with("git ls-remote did not end within 2 s"),
            "{error}"
        );
        assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
    }
}

#[test]
fn a_missing_password_is_not_prompted_for() {
    let world = World::with_store("sha1");
    let asks = Listener::responding(|_| {
        http(
            "401 Unauthorized",
            "WWW-Authenticate: Basic realm=\"m\"\r\n",
            b"",
        )
    });
    let start = Instant::now();
    // The program that git would run to ask for the password leaves a trace.
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
    // The messages of two versions of git.
    let messages = [
        "could not read Username",
        "unable to get password from user",
    ];
    assert!(
        messages.iter().any(|message| ran.err.contains(message)),
        "{ran:?}"
    );
    assert!(!world.path("asked").exists());
    assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
}

#[test]
fn the_users_credential_helper_is_used() {
    let world = World::with_store("sha1");
    let asks = Listener::responding(|head| {
        if head.contains("uthorization: Basic") {
            http("403 Forbidden", "", b"")
        } else {
            let challenge = "WWW-Authenticate: Basic realm=\"m\"\r\n";
            http("401 Unauthorized", challenge, b"")
        }
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
    // `ann:s3cr3t` in base64.
    let heads = asks.heads.lock().unwrap();
    assert!(
        heads
            .iter()
            .any(|head| head.contains("Basic YW5uOnMzY3IzdA==")),
        "{heads:?}"
    );
}

#[test]
fn no_output_contains_a_secret() {
    let world = World::with_store("sha1");
    let refuses = Listener::responding(|_| http("404 Not Found", "", b"no s3cr3t here"));
    let url = format!("http://ann:s3cr3t@{}/m.git?token=t0k3n", refuses.address);
    let added = world.run(&["mirror", "add", "m", &url]);
    let mut output = format!("{added:?}");
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
        output += &format!("{args:?}: {ran:?}").replace(&format!("{args:?}"), "");
    }
    let secret = |text: &str| text.contains("s3cr3t") || text.contains("t0k3n");
    assert!(!secret(&output) && output.contains("ann:***@"), "{output}");
}

#[test]
fn the_remotes_own_messages_are_reported() {
    let world = World::with_store("sha1");
    add(&world, world.path("nowhere.git").to_str().unwrap());
    let args = ["mirror", "push"];
    let error = reason(&world.run(&args).err, &args);
    assert!(
        error.contains("does not appear to be a git repository"),
        "{error}"
    );
    world.changes(&["mirror", "remove", "m"]);
    let mirror = bare(&world, "m.git");
    script(
        &world,
        "m.git/hooks/pre-receive",
        "echo the disk is full >&2; exit 1",
    );
    add(&world, mirror.to_str().unwrap());
    let error = reason(&world.run(&args).err, &args);
    assert!(error.contains("remote: the disk is full"), "{error}");
    assert!(
        error.contains("refs/heads/main: [remote rejected]"),
        "{error}"
    );
    let status = world.ok(&["mirror", "status"]);
    assert!(
        status.contains("behind") && status.contains("the disk is full"),
        "{status}"
    );
}

#[test]
fn a_rejected_ref_does_not_block_the_others() {
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
    let mirror_refs = refs(&world, &mirror).unwrap();
    assert_eq!(mirror_refs, format!("{}\trefs/heads/main\n", world.tip()));
    let state = std::fs::read_to_string(world.root().join("wasmstore/mirrors/m.json")).unwrap();
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    let missing: Vec<_> = state["missing"].as_object().unwrap().keys().collect();
    assert_eq!(missing, ["refs/heads/dev"]);
}
