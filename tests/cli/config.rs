//! `wasmstore.toml`: its keys, their precedence, its errors, and the output of `server --check`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use crate::support::program::{CommandOutput, World, module, permissions_are_enforced, reason};
use crate::support::server::Server;

/// Runs `server --check` with this configuration file.
fn check(world: &World, toml: &str, args: &[&str], variables: &[(&str, &str)]) -> CommandOutput {
    let file = world.file("wasmstore.toml", toml);
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(world.path(file), mode).unwrap();
    let args = [&["server", "--check", "--config", file], args].concat();
    let mut command = world.wasmstore(&args);
    command
        .envs(variables.iter().copied())
        .output()
        .unwrap()
        .into()
}

/// Runs `server --check` with a valid configuration, and returns its output.
#[track_caller]
fn set(world: &World, toml: &str, args: &[&str], variables: &[(&str, &str)]) -> String {
    let ran = check(world, toml, args, variables);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{toml}");
    assert!(!world.root().exists());
    ran.out
}

#[test]
fn flag_takes_precedence_over_variable_and_variable_over_file() {
    let world = World::empty();
    let variable = [("WASMSTORE_PORT", "2")];
    let toml = "# here\nport = 1\n";
    for (args, variables, expected) in [
        (&["--port", "3"][..], &variable[..], "port = 3  # --port\n"),
        (&[], &variable, "port = 2  # WASMSTORE_PORT\n"),
        (
            &[],
            &[("WASMSTORE_PORT", "")],
            "port = 1  # wasmstore.toml:2\n",
        ),
    ] {
        assert_eq!(set(&world, toml, args, variables), expected);
    }
    // The default value of a flag does not override the file.
    let toml = "color = 'never'\nidle-timeout = 0x10";
    let expected = "idle-timeout = 16  # wasmstore.toml:2\ncolor = \"never\"  # wasmstore.toml:1\n";
    assert_eq!(set(&world, toml, &[], &[]), expected);
    // Flags before `server` count too, and the combined settings do not end up behind a `--`.
    let file = world.path("wasmstore.toml");
    let file = file.to_str().unwrap();
    let args = [
        "--color", "auto", "server", "--check", "--config", file, "--",
    ];
    let out = world.ok(&args);
    assert_eq!(out.lines().count(), 2, "{out}");
    assert!(out.contains("color = \"auto\"  # --color\n"), "{out}");
}

#[test]
fn switches_lists_and_counts_have_the_same_precedence() {
    let world = World::empty();
    for (toml, args, expected) in [
        ("cors = true", &[][..], "cors = true  # wasmstore.toml:1\n"),
        ("cors = false", &[], ""),
        ("cors = false", &["--cors"], "cors = true  # --cors\n"),
        ("verbose = 2", &[], "verbose = 2  # wasmstore.toml:1\n"),
        ("verbose = 2", &["-v"], "verbose = 1  # --verbose\n"),
        // `verbose` and `quiet` are one setting: the log level.
        ("quiet = true", &["-v"], "verbose = 1  # --verbose\n"),
        (
            "mirror = ['/a', '/b']",
            &[],
            "mirror = [\"/a\",\"/b\"]  # wasmstore.toml:1\n",
        ),
        (
            "mirror = '/a'",
            &[],
            "mirror = [\"/a\"]  # wasmstore.toml:1\n",
        ),
        (
            "mirror = ['/a', '/b']",
            &["--mirror", "/c"],
            "mirror = [\"/c\"]  # --mirror\n",
        ),
        ("mirror = []", &[], ""),
    ] {
        assert_eq!(set(&world, toml, args, &[]), expected, "{toml} {args:?}");
    }
}

#[test]
fn dependent_settings_may_be_in_different_layers() {
    let world = World::empty();
    let (of, changes) = ("replica-of = 'http://a'", "replica-changes = 'refuse'");
    let both = [
        check(&world, of, &["--replica-changes", "refuse"], &[]),
        check(&world, changes, &["--replica-of", "http://a"], &[]),
        check(&world, &format!("{of}\n{changes}"), &[], &[]),
    ];
    for ran in both {
        assert_eq!((ran.code, ran.out.lines().count()), (Some(0), 2), "{ran:?}");
    }
    let alone = check(
        &world,
        &format!("port = 1\n{changes}\ncors = true"),
        &[],
        &[],
    );
    assert_eq!(alone.code, Some(2));
    let expected = "wasmstore: wasmstore.toml:2: `replica-changes` needs --replica-of <URL>\n";
    assert_eq!(alone.err, expected);
    let alone = check(&world, "port = 1", &["--replica-changes", "refuse"], &[]);
    assert_eq!(alone.code, Some(2));
    assert!(alone.err.contains("--replica-of <URL>"), "{}", alone.err);
    assert!(!alone.err.contains("wasmstore.toml:"), "{}", alone.err);
}

#[test]
fn error_in_the_file_has_line_and_key_and_no_secret() {
    let world = World::empty();
    for (toml, expected) in [
        ("prot = 1", "1: unknown key `prot`: did you mean `port`?"),
        (
            "max_requests = 1",
            "1: unknown key `max_requests`: did you mean `max-requests`?",
        ),
        ("json = true", "1: unknown key `json`: "),
        ("config = 'b.toml'", "1: unknown key `config`: "),
        ("s3cr3t = 'GET'", "1: unknown key: "),
        ("[server]\nport = 1", "1: unknown key `server`: "),
        ("\nport = '1'", "2: `port` takes a number, not text"),
        ("port = 1.5", "1: `port` takes a number, not a fraction"),
        // The first error in the file is reported.
        ("port = '1'\nhost = 1", "1: `port` takes a number, not text"),
        (
            "port = 70000",
            "1: `port` is invalid: 70000 is not in 0..=65535",
        ),
        (
            "max-requests = 0",
            "1: `max-requests` is invalid: must be between 1 and 4294967295",
        ),
        (
            "max-connections = 4294967296",
            "1: `max-connections` is invalid: must be between 1 and 4294967295",
        ),
        (
            "max-git-services = 9223372036854775807",
            "1: `max-git-services` is invalid: must be between 1 and 4294967295",
        ),
        ("cors = 1", "1: `cors` takes true or false, not a number"),
        ("cors = 'yes'", "1: `cors` takes true or false, not text"),
        (
            "verbose = true",
            "1: `verbose` takes a number, not true or false",
        ),
        (
            "verbose = 256",
            "1: `verbose` is invalid: 256 is not in 0..=255",
        ),
        ("host = 127", "1: `host` takes text in quotes, not a number"),
        ("host = ['a']", "1: `host` takes text in quotes, not a list"),
        (
            "color = 'blue'",
            "1: `color` is invalid: must be one of auto, always, never",
        ),
        (
            "branch = 'a..b'",
            "1: `branch` is invalid: branch name \"a..b\" contains `..`",
        ),
        ("root = ''", "1: `root` is invalid: must not be empty"),
        (
            "tls = 'a'",
            "1: `tls` is invalid: TLS needs two files: KEY_FILE,CERT_FILE",
        ),
        ("port = 1\nhost = 'a'\nport = 2", "3: `port`: duplicate key"),
        ("auth = 's3cr3t", "1: `auth`: "),
        ("\nauth = s3cr3t:*", "2: `auth`: "),
        ("auth = 's3cr3t:*' s3cr3t", "1: `auth`: "),
        (
            "auth = 's3cr3t:*'\nauth = 's3cr3t:*'",
            "2: `auth`: duplicate key",
        ),
        ("s3cr3t:*", "1: "),
        ("'s3cr3t:*' = ", "1: "),
        (
            "auth = ['s3cr3t:*']",
            "1: `auth` takes text in quotes, not a list",
        ),
        (
            "[auth]\ns3cr3t = '*'",
            "1: `auth` takes text in quotes, not a table",
        ),
        (
            "\nauth = 's3cr3t'",
            "2: `auth`: entry 1 of the keys is not KEY:METHODS",
        ),
        (
            "auth = 'a:*;s3cr3t:get'",
            "1: `auth`: entry 2 of the keys has methods that ",
        ),
        ("auth = ''", "1: `auth`: the list of keys is empty"),
        (
            "mirror = ['/a', 'ftp://ann:s3cr3t@h/x']",
            "1: `mirror` is invalid: the URL is neither",
        ),
        (
            "mirror = ['ftp://s3cr3t/x@h']",
            "1: `mirror` is invalid: the URL is neither",
        ),
        (
            "replica-of = 'http://a:s3cr3t@h'",
            "1: `replica-of` is invalid: the URL contains a user name",
        ),
    ] {
        let ran = check(&world, toml, &[], &[]);
        assert_eq!(
            (ran.code, ran.out.as_str()),
            (Some(2), ""),
            "{toml}: {ran:?}"
        );
        let reason = reason(&ran.err, &[toml]);
        let expected = format!("wasmstore.toml:{expected}");
        assert!(reason.starts_with(&expected), "{toml}: {reason}");
        assert!(!ran.err.contains("s3cr3t"), "{toml}: {reason}");
    }
    // Overridden values are validated too.
    let beaten = check(&world, "port = 70000", &["--port", "1"], &[]);
    assert_eq!(beaten.code, Some(2), "{beaten:?}");
}

#[test]
fn error_in_a_variable_names_the_variable() {
    let world = World::empty();
    for (variable, value, code, expected) in [
        ("WASMSTORE_PORT", "s3cr3t", 2, ": expected a whole number"),
        (
            "WASMSTORE_TLS",
            "s3cr3t",
            2,
            ": TLS needs two files: KEY_FILE,CERT_FILE",
        ),
        (
            "WASMSTORE_AUTH",
            "s3cr3t",
            2,
            ": entry 1 of the keys is not KEY:METHODS",
        ),
        (
            "WASMSTORE_BRANCH",
            "a..b",
            3,
            ": branch name \"a..b\" contains `..`",
        ),
        (
            "WASMSTORE_HOST",
            "256.0.0.1",
            1,
            ": cannot listen on 256.0.0.1:6384: ",
        ),
    ] {
        let ran = check(&world, "", &[], &[(variable, value)]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(code), ""), "{ran:?}");
        let reason = reason(&ran.err, &[variable]);
        let expected = format!("{variable}{expected}");
        assert!(reason.starts_with(&expected), "{reason}");
        assert!(!ran.err.contains("s3cr3t"), "{reason}");
    }
}

#[test]
fn configuration_must_be_a_regular_utf8_file() {
    let world = World::empty();
    world.file("large", vec![b'#'; (1 << 20) + 1]);
    world.file("binary", b"port = 1\n\xff");
    world.pipe("fifo");
    for (file, code, expected) in [
        ("missing", 1, "cannot read \"missing\": No such file"),
        (".", 1, "\".\" is not a regular file"),
        ("fifo", 1, "\"fifo\" is not a regular file"),
        (
            "large",
            1,
            "configuration file \"large\" is larger than 1048576 bytes",
        ),
        ("binary", 2, "binary:2: not UTF-8"),
    ] {
        let args = ["server", "--check", "--config", file];
        let reason = world.fails(code, &args);
        assert!(reason.starts_with(expected), "{reason}");
    }
    // The variable names the file for `server` only; an empty variable counts as unset.
    for (file, args, code) in [
        ("missing", &["server", "--check"][..], 1),
        ("missing", &["list"], 0),
        ("", &["server", "--check"], 0),
    ] {
        let mut command = world.wasmstore(args);
        let ran = CommandOutput::from(command.env("WASMSTORE_CONFIG", file).output().unwrap());
        assert_eq!(ran.code, Some(code), "{file}: {ran:?}");
    }
}

#[test]
fn check_hides_secrets_and_warns_if_the_file_is_readable_by_others() {
    let world = World::empty();
    let toml = "auth = 's3cr3t:*'\nmirror = ['https://ann:s3cr3t@h/x?t=s3cr3t']\nlog-json = true";
    let out = set(&world, toml, &[], &[]);
    let expected = "auth = \"…\"  # wasmstore.toml:1\nmirror = [\"https://ann:***@h/x?***\"]  # wasmstore.toml:2\n\
        log-json = true  # wasmstore.toml:3\n";
    assert_eq!(out, expected);
    let json = set(
        &world,
        toml,
        &["--json"],
        &[("WASMSTORE_AUTH", "s3cr3t:GET")],
    );
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["config"], "wasmstore.toml");
    let first = serde_json::json!({ "key": "auth", "value": "…", "from": "WASMSTORE_AUTH" });
    assert_eq!(json["settings"][0], first);
    assert!(!json.to_string().contains("s3cr3t"), "{json}");
    // The server warns that others can read the file, if it contains secrets.
    let path = world.path("wasmstore.toml");
    for (text, mode, warns) in [
        (toml, 0o604, true),
        ("mirror = 'https://ann:s3cr3t@h'", 0o644, true),
        ("port = 1", 0o644, false),
        (toml, 0o600, false),
    ] {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let ran = world.run(&["server", "--check", "--config", "wasmstore.toml"]);
        assert_eq!(ran.code, Some(0));
        assert_eq!(
            ran.err.contains("others can read it"),
            warns,
            "{mode:o}: {ran:?}"
        );
        assert!(!ran.err.contains("s3cr3t"), "{ran:?}");
    }
}

/// Generates a private key and its certificate, in PEM.
fn pair() -> (String, String) {
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    (pair.signing_key.serialize_pem(), pair.cert.pem())
}

#[test]
fn check_covers_everything_that_a_start_needs() {
    let world = World::empty();
    let ((key, certificate), (_, other)) = (pair(), pair());
    world.file("etc/key", key);
    set_mode(&world, "etc/key", 0o600);
    world.file("etc/cert", certificate);
    world.file("etc/other", other);
    world.file("etc/keys", "# keys\ns3cr3t\n");
    set_mode(&world, "etc/keys", 0o600);
    world.file("etc/plain/file", "");
    world.pipe("etc/pipe");
    for (toml, code, expected) in [
        ("tls = 'key,cert'", 0, ""),
        ("tls = 'key,other'", 1, "1: `tls`: "),
        (
            "tls = 'key,missing'",
            1,
            "1: `tls`: cannot read etc/missing: ",
        ),
        (
            "\nauth-file = 'keys'",
            2,
            "2: `auth-file`: \"etc/keys\": line 2 of the keys is not",
        ),
        (
            "auth-file = 'missing'",
            1,
            "1: `auth-file`: cannot read \"etc/missing\": ",
        ),
        (
            "auth-file = 'pipe'",
            1,
            "1: `auth-file`: cannot read \"etc/pipe\": it is not a regular file",
        ),
        (
            "tls = 'pipe,cert'",
            1,
            "1: `tls`: cannot read etc/pipe: it is not a regular file",
        ),
        (
            "auth-file = 's3cr3t:*'",
            2,
            "1: `auth-file`: there is no such file, and its name looks like keys: ",
        ),
        (
            "auth-file = 's3/cr3t:GET:Ann <s3cr3t@example.org>'",
            2,
            "1: `auth-file`: there is no such file, and its name looks like keys: ",
        ),
        (
            "port = 0\ngc-squash = true",
            2,
            "2: `gc-squash`: --gc-squash needs --gc-every",
        ),
        (
            "gc-every = '1d'\ngc-squash = true\nreplica-of = 'http://127.0.0.1:9'",
            2,
            "2: `gc-squash`: a replica keeps the history",
        ),
        (
            "\nroot = 'http://127.0.0.1:9'",
            2,
            "2: `root`: this command needs the store's directory",
        ),
        ("root = 'plain'", 5, "1: `root`: "),
        ("root = 'key'", 5, "1: `root`: "),
        ("root = 'new/store'", 0, ""),
        ("branch = 'main'", 0, ""),
        (
            "branch = 'other'",
            1,
            "1: `branch`: there is no branch \"other\"",
        ),
        (
            "host = '256.0.0.1'",
            1,
            "1: `host`: cannot listen on 256.0.0.1:6384: ",
        ),
        ("host = '[::1]'", 0, ""),
        ("listen = ['127.0.0.1:0', 'unix:socket']", 0, ""),
        (
            "listen = 'unix:missing/socket'",
            1,
            "1: `listen`: cannot listen on unix:etc/missing/socket: ",
        ),
        (
            "listen = '127.0.0.1'",
            2,
            "1: `listen` is invalid: must be HOST:PORT or unix:PATH",
        ),
        (
            "trusted-proxy = ['10.0.0.0/8', 'proxy']",
            2,
            "1: `trusted-proxy` is invalid: must be an IP address, a network",
        ),
        (
            "base-path = 'ws'",
            2,
            "1: `base-path` is invalid: must begin with a slash",
        ),
        (
            "allowed-host = 'a:80'",
            2,
            "1: `allowed-host` is invalid: must be a host name without a port",
        ),
    ] {
        world.file("etc/s.toml", toml);
        let ran = world.run(&["server", "--check", "--config", "etc/s.toml"]);
        assert_eq!(ran.code, Some(code), "{toml}: {ran:?}");
        match code {
            0 => assert_eq!(ran.err, "", "{toml}"),
            _ => {
                let reason = reason(&ran.err, &[toml]);
                let expected = format!("etc/s.toml:{expected}");
                assert!(reason.starts_with(&expected), "{toml}: {reason}");
                assert!(ran.out.is_empty() && !ran.err.contains("s3cr3t"), "{ran:?}");
            }
        }
    }
    let mut without_git = world.wasmstore(&["server", "--check", "--mirror", "/a"]);
    let ran = CommandOutput::from(without_git.env("PATH", "").output().unwrap());
    assert_eq!(ran.code, Some(5), "{ran:?}");
    assert!(!world.root().exists() && !world.path("etc/new").exists());
}

#[test]
fn check_examines_the_store_without_changing_it() {
    let world = World::with_store("sha1");
    world.add("m", 1);
    let before = world.state();
    let of = ["server", "--check", "--replica-of", "http://127.0.0.1:1"];
    world.fails(4, &of);
    let other = ["server", "--branch", "other"];
    let output = world.fails(1, &[&other[..], &["--check"]].concat());
    assert_eq!(world.fails(1, &other), output);
    let main = ["server", "--check", "--branch", "main"];
    assert_eq!(world.ok(&main), "branch = \"main\"  # --branch\n");
    assert_eq!(world.state(), before);
    let replica = World::with_store("sha1");
    replica.ok(&of);
    // The check does not make the store a replica. A store that is a replica cannot be served as anything else.
    assert_eq!(
        replica.git(&["config", "--default", "", "wasmstore.replicaOf"]),
        ""
    );
    replica.git(&["config", "wasmstore.replicaOf", "http://127.0.0.1:1"]);
    replica.ok(&of);
    replica.fails(4, &["server", "--check"]);
}

#[test]
fn check_and_start_reject_the_same_roots() {
    let world = World::with_store("sha1");
    world.file("new/wasmstore", "");
    std::os::unix::fs::symlink("nowhere", world.path("dangling")).unwrap();
    let old = world.root();
    fs::remove_dir_all(old.join("wasmstore")).unwrap();
    fs::write(old.join("wasmstore"), "").unwrap();
    for root in [old.to_str().unwrap(), "new", "dangling"] {
        for check in [&["--check"][..], &[]] {
            let args = [&["server", "--port", "0", "--root", root], check].concat();
            let output = world.fails(5, &args);
            assert!(output.starts_with("cannot "), "{root}: {output}");
        }
    }
    let other = ["server", "--root", "fresh", "--branch", "other"];
    world.fails(1, &other);
    assert!(!world.path("fresh").exists() && !world.path("nowhere").exists());
}

#[test]
fn check_accepts_a_read_only_store() {
    let world = World::with_store("sha1");
    let own = world.root().join("wasmstore");
    let set = |mode| fs::set_permissions(&own, fs::Permissions::from_mode(mode)).unwrap();
    set(0o555);
    if !permissions_are_enforced(&world.root()) {
        println!("skipped: permissions do not bind this user");
        return set(0o755);
    }
    let ran = world.run(&["server", "--check"]);
    fs::remove_dir_all(world.root().join("hooks")).unwrap();
    let unguarded = world.run(&["server", "--check"]);
    set(0o755);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("the store is read-only: "), "{ran:?}");
    assert_eq!(unguarded.code, Some(5), "{unguarded:?}");
}

#[test]
fn keys_with_other_methods_are_reported_and_the_server_starts() {
    let world = World::empty();
    let all = "GET,HEAD,POST,PUT,DELETE,CONNECT,OPTIONS,TRACE,PATCH";
    world.file("keys", format!("# all\ns3cr3t:{all}\n"));
    let args = [
        "--auth",
        "reader:GET;writer:GTE,POST",
        "--auth-file",
        "keys",
    ];
    let expected = [
        "entry 2 of the keys has an unknown method: use `*`, or GET, ",
        "\"keys\": line 2 of the keys has an unknown method: use `*`, or GET, ",
    ];
    let ran = world.run(&[&["server", "--check"], &args[..]].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        expected.iter().all(|text| ran.err.contains(text)),
        "{ran:?}"
    );
    let server = Server::start(&world, &args);
    let key = ["Wasmstore-Auth: s3cr3t"];
    assert_eq!(server.send("GET", "/api/v1/branch", &key, b"").status, 200);
    let log = server.log();
    assert!(expected.iter().all(|text| log.contains(text)), "{log}");
    assert!(!log.contains("s3cr3t"), "{log}");
    world.fails(2, &["server", "--check", "--auth", "a:*;b:GTE"]);
}

#[test]
fn server_applies_its_configuration_file() {
    let world = World::empty();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    world.file("etc/keys", "filed:GET\n");
    let toml = format!(
        "root = '../db'\nhost = '127.0.0.1'\nport = {port}\nauth = 's3cr3t:*'\nauth-file = 'keys'\n\
         max-module-bytes = 20\nlog-json = true\nverbose = 2\n"
    );
    world.file("etc/wasmstore.toml", toml);
    let server = Server::start(&world, &["--config", "etc/wasmstore.toml"]);
    assert_eq!(server.address.port(), port);
    let status = |key: &str, method: &str| {
        let header = format!("Wasmstore-Auth: {key}");
        server
            .send(method, "/api/v1/module/m", &[&header], &module(1))
            .status
    };
    assert_eq!(status("wrong", "POST"), 401);
    assert_eq!(status("filed", "POST"), 403);
    assert_eq!(status("s3cr3t", "POST"), 413);
    assert_eq!(status("filed", "GET"), 404);
    assert!(world.path("db/HEAD").exists() && !world.root().exists());
    server.signal("TERM");
    let (code, log) = server.wait();
    assert_eq!(code, Some(0));
    assert!(log.contains(r#""level":"DEBUG""#), "{log}");
    assert!(log.lines().all(|line| line.starts_with('{')), "{log}");
    assert!(!log.contains("s3cr3t"), "{log}");
}

#[test]
fn server_does_not_start_with_an_invalid_file() {
    let world = World::empty();
    let file = world.file("wasmstore.toml", "port = 0\nauth = 's3cr3t'\n");
    let mut command = world.wasmstore(&["server", "--config", file, "-q"]);
    let ran = CommandOutput::from(command.stdin(Stdio::null()).output().unwrap());
    let expected = "wasmstore: wasmstore.toml:2: `auth`: entry 1 of the keys is not KEY:METHODS\n";
    assert_eq!((ran.code, ran.err.as_str()), (Some(2), expected));
    for (toml, expected) in [
        ("gc-squash = true", "`gc-squash`: --gc-squash needs "),
        ("root = 'http://127.0.0.1:9'", "`root`: this command needs "),
    ] {
        world.file(file, format!("port = 0\n{toml}"));
        let ran = world.run(&["server", "--config", file]);
        let expected = format!("wasmstore: wasmstore.toml:2: {expected}");
        assert!(
            ran.code == Some(2) && ran.err.contains(&expected),
            "{ran:?}"
        );
    }
    assert!(!world.root().exists());
    let help = world.ok(&["server", "--help"]);
    assert!(
        help.contains("--config <FILE>") && help.contains("--check"),
        "{help}"
    );
}

#[test]
fn byte_order_marks_are_not_part_of_the_text() {
    let world = World::empty();
    world.file("keys", "\u{feff}key:*\n");
    set_mode(&world, "keys", 0o600);
    let toml = "\u{feff}port = 1\nauth-file = 'keys'\n";
    let out = set(&world, toml, &[], &[]);
    let expected = "port = 1  # wasmstore.toml:1\nauth-file = \"keys\"  # wasmstore.toml:2\n";
    assert_eq!(out, expected);
    fs::write(world.path("keys"), b"\xff\xfek\0:\0*\0").unwrap();
    let ran = check(&world, toml, &[], &[]);
    assert!(
        ran.err.contains("it is UTF-16: save it as UTF-8"),
        "{}",
        ran.err
    );
    fs::write(world.path("utf16.toml"), b"\xfe\xff\0p").unwrap();
    let reason = world.fails(2, &["server", "--check", "--config", "utf16.toml"]);
    assert_eq!(reason, "utf16.toml:1: UTF-16: save it as UTF-8");
}

#[test]
fn key_files_that_others_can_read_are_reported() {
    let world = World::empty();
    world.file("keys", "s3cr3t:*\n");
    let exposed = "\"keys\" contains keys, and others can read it: run chmod 600\n";
    for (mode, expected) in [(0o600, ""), (0o400, ""), (0o644, exposed)] {
        set_mode(&world, "keys", mode);
        let ran = check(&world, "", &["--auth-file", "keys"], &[]);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        assert!(
            ran.err.ends_with(expected) && ran.err.is_empty() == expected.is_empty(),
            "{}",
            ran.err
        );
    }
}

#[test]
fn tilde_in_the_file_is_the_home_directory() {
    let world = World::empty();
    let home = world.path("../home");
    fs::create_dir_all(&home).unwrap();
    fs::write(home.join("keys"), "key:*\n").unwrap();
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(home.join("keys"), mode).unwrap();
    let out = set(&world, "auth-file = '~/keys'\nroot = '~/store'", &[], &[]);
    assert!(
        !out.contains('~') && out.contains("/home/keys\"") && out.contains("/home/store\""),
        "{out}"
    );
}

fn set_mode(world: &World, file: &str, mode: u32) {
    fs::set_permissions(world.path(file), fs::Permissions::from_mode(mode)).unwrap();
}
