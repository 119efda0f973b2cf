//! The files in `deploy/` use only flags that the server has.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::support::program::{CommandOutput, World, has_program};

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// Returns the long flags in a text.
fn flags(text: &str) -> BTreeSet<String> {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let words = text.split(|c: char| !inside(c));
    let flags = words.filter(|word| word.starts_with("--") && word.len() > 2);
    flags.map(str::to_owned).collect()
}

/// Returns the values of a setting in a systemd unit.
fn settings<'u>(unit: &'u str, name: &str) -> Vec<&'u str> {
    let lines = unit.lines();
    let set = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    set.collect()
}

#[track_caller]
fn are_known(used: &BTreeSet<String>, least: usize) {
    let known = flags(&World::empty().ok(&["server", "--help"]));
    let unknown: Vec<_> = used.difference(&known).collect();
    assert!(unknown.is_empty(), "no such flags: {unknown:?}");
    assert!(used.len() >= least, "{used:?}");
}

#[test]
fn systemd_unit_starts_and_reloads_the_server() {
    let unit = read("deploy/wasmstore.service");
    let [start] = settings(&unit, "ExecStart")[..] else {
        panic!("one ExecStart: {unit}");
    };
    assert!(
        start.starts_with("/usr/local/bin/wasmstore server "),
        "{start}"
    );
    are_known(&flags(start), 1);
    for (name, value) in [
        ("Type", "notify"),
        ("ExecReload", "/bin/kill -HUP $MAINPID"),
        ("User", "wasmstore"),
        ("ProtectSystem", "strict"),
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("SystemCallFilter", "@system-service"),
        ("StateDirectory", "wasmstore"),
    ] {
        assert_eq!(settings(&unit, name), [value], "{name}");
    }
    // The store is in the directory that the unit may write.
    let variables = settings(&unit, "Environment");
    assert!(variables.contains(&"WASMSTORE_ROOT=/var/lib/wasmstore/store"));
}

#[test]
fn systemd_unit_limits_the_server_and_never_gives_up() {
    let unit = read("deploy/wasmstore.service");
    for (name, value) in [
        ("StartLimitIntervalSec", "0"),
        ("Restart", "always"),
        ("MemoryHigh", "70%"),
        ("MemoryMax", "80%"),
        ("OOMPolicy", "continue"),
        ("TasksMax", "2048"),
    ] {
        assert_eq!(settings(&unit, name), [value], "{name}");
    }
    assert_eq!(settings(&unit, "StartLimitBurst"), [""; 0]);
    let compose = read("deploy/docker-compose.yml");
    assert!(compose.contains("  mem_limit: ") && compose.contains("  pids_limit: "));
}

#[test]
fn socket_unit_opens_the_default_port() {
    let unit = read("deploy/wasmstore.socket");
    assert_eq!(
        settings(&unit, "ListenStream"),
        ["127.0.0.1:6384", "/run/wasmstore.sock"]
    );
    // systemd's default, one server for all connections; `yes` would start a server for each.
    assert_eq!(settings(&unit, "Accept"), [""; 0]);
}

#[test]
fn systemd_accepts_the_units() {
    if !has_program("systemd-analyze") {
        eprintln!("skipped: systemd-analyze is not installed");
        return;
    }
    let world = World::empty();
    // The verification looks for the program.
    let program = env!("CARGO_BIN_EXE_wasmstore");
    let service = read("deploy/wasmstore.service").replace("/usr/local/bin/wasmstore", program);
    world.file("wasmstore.service", service);
    world.file("wasmstore.socket", read("deploy/wasmstore.socket"));
    let mut verify = world.command("systemd-analyze");
    verify.args(["verify", "--man=no", "--recursive-errors=no"]);
    let ran = verify
        .args(["./wasmstore.service", "./wasmstore.socket"])
        .output();
    let ran = CommandOutput::from(ran.unwrap());
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
}

#[test]
fn compose_file_uses_existing_flags() {
    let compose = read("deploy/docker-compose.yml");
    let commands = compose.lines().filter_map(|line| {
        let line = line.trim_start().trim_start_matches("# ");
        line.strip_prefix("- ")
            .filter(|item| item.starts_with("--"))
    });
    let commands: Vec<_> = commands.collect();
    are_known(&flags(&commands.join("\n")), 7);
    let image = read("Dockerfile");
    let home = "/home/wasmstore/db";
    assert!(image.contains(&format!("VOLUME {home}")) && image.contains("\nUSER wasmstore\n"));
    assert!(compose.contains(&format!("- modules:{home}\n")));
    assert!(image.contains("\nHEALTHCHECK ") && image.contains("/healthz"));
}

#[test]
fn image_is_built_from_files_that_docker_sees() {
    let ignore = read(".dockerignore");
    let seen: BTreeSet<_> = ignore
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
        .collect();
    let image = read("Dockerfile");
    let copies = image.lines().filter_map(|line| line.strip_prefix("COPY "));
    let mut copied = BTreeSet::new();
    for copy in copies.filter(|copy| !copy.starts_with("--from")) {
        let mut files: Vec<_> = copy.split_whitespace().collect();
        files.pop();
        copied.extend(files.iter().map(|file| file.trim_start_matches("./")));
    }
    assert_eq!(copied, seen);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in copied {
        assert!(root.join(file).exists(), "{file} does not exist");
    }
}

#[test]
fn files_for_servers_on_a_bucket_use_existing_flags() {
    for (name, least) in [
        ("deploy/docker-compose.cluster.yml", 7),
        ("deploy/kubernetes.yaml", 6),
    ] {
        let text = read(name);
        let items = text.lines();
        let items = items.filter_map(|line| line.trim_start().strip_prefix("- "));
        let arguments: Vec<_> = items.filter(|item| item.starts_with("--")).collect();
        assert!(arguments.contains(&"--bucket=s3://modules/store"), "{name}");
        are_known(&flags(&arguments.join("\n")), least);
    }
}

#[test]
fn each_server_on_a_bucket_has_its_own_url_and_a_disposable_copy() {
    let compose = read("deploy/docker-compose.cluster.yml");
    let balancer = read("deploy/haproxy.cfg");
    for name in ["one", "two", "three"] {
        let url = format!("- --peer-url=http://{name}:6384\n");
        assert!(compose.contains(&url), "{url}");
        let server = format!("    server {name} {name}:6384\n");
        assert!(balancer.contains(&server), "{server}");
    }
    assert!(balancer.contains("option httpchk GET /readyz\n"));
    let pods = read("deploy/kubernetes.yaml");
    for text in [
        "- --peer-url=http://$(POD_IP):6384\n",
        "readinessProbe:\n            httpGet:\n              path: /readyz\n",
        "- name: copy\n              mountPath: /home/wasmstore/db\n",
        "- name: copy\n          emptyDir:\n",
    ] {
        assert!(pods.contains(text), "{text}");
    }
    let drop_in = read("deploy/wasmstore-bucket.conf");
    let root = settings(&drop_in, "Environment");
    assert_eq!(root, ["WASMSTORE_ROOT=/var/cache/wasmstore/store"]);
    assert_eq!(settings(&drop_in, "CacheDirectory"), ["wasmstore"]);
}

#[test]
fn haproxy_accepts_its_configuration() {
    if !has_program("haproxy") {
        eprintln!("skipped: haproxy is not installed");
        return;
    }
    let world = World::empty();
    // HAProxy looks the names of the servers up.
    let names = ["one", "two", "three"];
    let local = names.iter().fold(read("deploy/haproxy.cfg"), |text, name| {
        text.replace(&format!("{name}:6384"), "127.0.0.1:6384")
    });
    let file = world.file("haproxy.cfg", local);
    let mut check = world.command("haproxy");
    let ran = CommandOutput::from(check.args(["-c", "-f", file]).output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn image_listens_on_the_address_in_its_variables() {
    let image = read("Dockerfile");
    assert!(image.contains(" WASMSTORE_HOST=0.0.0.0 WASMSTORE_PORT=6384\n"));
    let command = image.lines().find_map(|line| line.strip_prefix("CMD "));
    let command: Vec<String> = serde_json::from_str(command.unwrap()).unwrap();
    let world = World::empty();
    let program = Path::new(env!("CARGO_BIN_EXE_wasmstore"));
    // An invalid address ends the server with an error that contains the address.
    let file = world.file("wasmstore.toml", "host = '256.0.0.3'\nport = 3");
    for (host, port, expected) in [
        (["256.0.0.1", ""], ["1", ""], "256.0.0.1:1"),
        (["0.0.0.0", "256.0.0.2"], ["6384", "2"], "256.0.0.2:2"),
        (["", ""], ["", ""], "256.0.0.3:3"),
    ] {
        let mut server = world.command(&command[0]);
        let server = server
            .args(&command[1..])
            .env("PATH", path_with(program.parent().unwrap()))
            .env("WASMSTORE_CONFIG", file)
            .envs([("WASMSTORE_HOST", host[0]), ("HOST", host[1])])
            .envs([("WASMSTORE_PORT", port[0]), ("PORT", port[1])]);
        let ran = CommandOutput::from(server.output().unwrap());
        let expected = format!("cannot listen on {expected}: ");
        assert!(
            ran.code == Some(1) && ran.err.contains(&expected),
            "{expected}{ran:?}"
        );
    }
}

/// Returns this process's PATH with a directory before it.
fn path_with(directory: &Path) -> OsString {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::iter::once(directory.to_owned()).chain(std::env::split_paths(&rest));
    std::env::join_paths(directories).unwrap()
}

#[test]
fn example_configuration_uses_existing_keys() {
    let configuration = read("deploy/wasmstore.toml");
    let settings = configuration.lines().filter_map(|line| {
        let (name, _) = line.trim_start_matches("# ").split_once(" = ")?;
        Some(format!("--{name}"))
    });
    are_known(&settings.collect(), 8);
    let world = World::empty();
    world.file("keys", "secret:*");
    let keys = world.path("keys");
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o600)).unwrap();
    let local = configuration.replace("/etc/wasmstore/keys", keys.to_str().unwrap());
    let file = world.file("wasmstore.toml", local);
    let set = world.ok(&["server", "--config", file, "--check"]);
    for line in ["gc-every = \"7d\"  # ", "verify-every = \"30d\"  # "] {
        assert!(set.contains(line), "{set}");
    }
}
