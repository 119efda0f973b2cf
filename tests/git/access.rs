//! Who may fetch and push, over which connections, and with what git on the server.

use std::fs;

use super::{ask, fsck, git, git_fails, git_ok, serve_by_with, url};
use crate::support::program::World;
use crate::support::server::Server;

const KEYS: &str = "reader:GET\nwriter:POST\nboth:GET,POST:Ann <ann@example.org>\nroot:*\n";

/// A store with keys, that is served.
fn keyed() -> (World, Server) {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    let keys = world.file("keys", KEYS);
    let server = Server::start(&world, &["--auth-file", keys]);
    (world, server)
}

/// The address with a name and a password in it.
fn with_key(server: &Server, key: &str) -> String {
    url(server).replace("://", &format!("://git:{key}@"))
}

#[test]
fn a_key_is_a_password_or_a_header() {
    let (world, server) = keyed();
    for key in ["reader", "both", "root"] {
        git_ok(&world, &["clone", &with_key(&server, key), key]);
        fsck(&world, key);
        let header = format!("http.extraHeader=Wasmstore-Auth: {key}");
        let listed = git_ok(&world, &["-c", &header, "ls-remote", &url(&server), "HEAD"]);
        assert_eq!(listed, format!("{}\tHEAD", world.tip()));
    }
}

#[test]
fn git_shows_what_is_wrong_with_a_key() {
    let (world, server) = keyed();
    let none = git_fails(&world, &["ls-remote", &url(&server)]);
    assert!(none.contains("could not read Username"), "{none}");
    let wrong = git_fails(&world, &["ls-remote", &with_key(&server, "guess")]);
    assert!(wrong.contains("remote: a valid key is needed\n"), "{wrong}");
    assert!(wrong.contains("Authentication failed"), "{wrong}");
    let header = "http.extraHeader=Wasmstore-Auth: writer";
    let unfit = git_fails(&world, &["-c", header, "ls-remote", &url(&server)]);
    assert!(
        unfit.contains("remote: the key does not allow this method\n"),
        "{unfit}"
    );
    assert!(unfit.contains("error: 403"), "{unfit}");
}

#[test]
fn a_key_that_reads_cannot_push() {
    let (world, server) = keyed();
    git_ok(&world, &["clone", &with_key(&server, "reader"), "clone"]);
    let pushed = git_fails(
        &world,
        &["-C", "clone", "push", "origin", "main:refs/heads/x"],
    );
    assert!(
        pushed.contains("remote: the key does not allow this method\n"),
        "{pushed}"
    );
    let mime = "Content-Type: application/x-git-receive-pack-request";
    let refs = "info/refs?service=git-receive-pack";
    for (key, expected) in [
        ("reader", 403),
        ("writer", 200),
        ("both", 200),
        ("root", 200),
    ] {
        let key = format!("Wasmstore-Auth: {key}");
        let answer = ask(&server, "POST", "git-receive-pack", &[&key, mime], b"0000");
        assert_eq!(answer.status, expected, "{key}");
        let answer = ask(&server, "GET", refs, &[&key], b"");
        assert_eq!(answer.status, expected, "{key}");
    }
    let answer = ask(&server, "POST", "git-receive-pack", &[mime], b"0000");
    assert_eq!(answer.status, 401);
    assert_eq!(
        git_ok(&world, &["-C", "clone", "rev-parse", "HEAD"]),
        world.tip()
    );
}

/// The variables that a git is started with when refs are asked for.
fn told(service: &str, args: &[&str], variables: &[(&str, &str)], header: &str) -> Vec<String> {
    let world = World::with_store("sha1");
    let told = world.path("told");
    world.file("keys", KEYS);
    let script = format!("env >{}; exit 1", told.display());
    let server = serve_by_with(&world, &script, args, variables);
    let path = format!("info/refs?service={service}");
    assert_eq!(ask(&server, "GET", &path, &[header], b"").status, 500);
    let told = fs::read_to_string(&told).unwrap();
    let is_limit = |line: &str| line.starts_with("WASMSTORE_PUSH_MAX_");
    let is_named = |line: &str| line.contains("WASMSTORE") || line.starts_with("GIT_CONFIG");
    let ours = |line: &&str| is_named(line) && !is_limit(line);
    let mut told: Vec<_> = told.lines().filter(ours).map(str::to_owned).collect();
    told.sort_unstable();
    told
}

#[test]
fn the_hooks_of_a_push_are_told_who_pushes() {
    let program = fs::canonicalize(env!("CARGO_BIN_EXE_wasmstore")).unwrap();
    let program = format!("WASMSTORE_PROGRAM={}", program.display());
    let config = ["GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1"];
    let keys = ["--auth-file", "keys"];
    let (ann, all) = (
        "WASMSTORE_PUSH_AUTHOR=Ann <ann@example.org>",
        "WASMSTORE_PUSH_METHODS=*",
    );
    let some = "WASMSTORE_PUSH_METHODS=GET,POST";
    let push = |args: &[&str], header| told("git-receive-pack", args, &[], header);
    assert_eq!(push(&[], "X: y"), [&config[..], &[&program, all]].concat());
    assert_eq!(
        push(&keys, "Wasmstore-Auth: root"),
        [&config[..], &[&program, all]].concat()
    );
    let both = push(&keys, "Wasmstore-Auth: both");
    assert_eq!(both, [&config[..], &[&program, ann, some]].concat());
}

#[test]
fn the_server_s_variables_are_not_git_s() {
    let variables = [
        ("WASMSTORE_AUTH", "secret:*"),
        ("WASMSTORE_PUSH_AUTHOR", "Eve <eve@example.org>"),
        ("GIT_CONFIG_COUNT", "x"),
        ("GIT_CONFIG_PARAMETERS", "x"),
    ];
    let config = ["GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1"];
    let fetch = told("git-upload-pack", &[], &variables, "Wasmstore-Auth: secret");
    assert_eq!(fetch, config);
}

#[test]
fn over_tls_both_versions_of_http_work() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    world.file("key.pem", pair.signing_key.serialize_pem());
    world.file("certificate.pem", pair.cert.pem());
    let server = Server::start(&world, &["--tls", "key.pem,certificate.pem"]);
    let url = format!("https://localhost:{}/wasmstore.git", server.address.port());
    let trust = format!("http.sslCAInfo={}", world.path("certificate.pem").display());
    for version in ["HTTP/1.1", "HTTP/2"] {
        let version = format!("http.version={version}");
        let folder = version.replace('/', "-");
        git_ok(
            &world,
            &["-c", &trust, "-c", &version, "clone", &url, &folder],
        );
        fsck(&world, &folder);
    }
    let stranger = git_fails(&world, &["ls-remote", &url]);
    assert!(stranger.contains("certificate"), "{stranger}");
}

#[test]
fn pages_of_other_sites_cannot_push() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &[]);
    let origin = "Origin: http://evil.example";
    for path in [
        "info/refs?service=git-receive-pack",
        "info/refs?service=git-upload-pack",
    ] {
        assert_eq!(ask(&server, "GET", path, &[origin], b"").status, 403);
    }
    let mime = "Content-Type: application/x-git-receive-pack-request";
    let answer = ask(
        &server,
        "POST",
        "git-receive-pack",
        &[mime, origin],
        b"0000",
    );
    assert_eq!(answer.status, 403);
}

#[test]
fn without_git_all_else_works() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    let server = Server::start_with(&world, &[], &[("PATH", "/nowhere")]);
    server.wait_for("git is not installed");
    let why = "git is not installed on the server, and fetches and pushes need it";
    for (method, path) in [
        ("GET", "info/refs?service=git-upload-pack"),
        ("GET", "info/refs?service=git-receive-pack"),
        ("POST", "git-upload-pack"),
        ("POST", "git-receive-pack"),
    ] {
        let answer = ask(&server, method, path, &[], b"");
        assert_eq!(
            (answer.status, answer.text()),
            (501, why),
            "{method} {path}"
        );
    }
    assert_eq!(server.get("/api/v1/module/a.wasm").status, 200);
    assert_eq!(server.send("POST", "/api/v1/gc", &[], b"").status, 200);
    let shown = git(&world, &["ls-remote", &url(&server)]);
    assert!(shown.err.contains(&format!("remote: {why}\n")), "{shown:?}");
    assert_eq!(
        server.log().matches("not installed").count(),
        1,
        "{}",
        server.log()
    );
}
