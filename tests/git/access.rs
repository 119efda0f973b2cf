//! Keys for fetches and pushes, the environment of git on the server, TLS, and a server without git.

use std::fs;

use super::{fsck, git, git_fails, git_ok, request, serve_with_script_and_variables, url};
use crate::support::program::World;
use crate::support::server::Server;

const KEYS: &str = "reader:GET\nwriter:POST\nboth:GET,POST:Ann <ann@example.org>\nroot:*\n";

/// Starts a server for a store with keys.
fn serve_with_keys() -> (World, Server) {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    let keys = world.file("keys", KEYS);
    let server = Server::start(&world, &["--auth-file", keys]);
    (world, server)
}

/// Returns the URL with a user name and the key as password.
fn with_key(server: &Server, key: &str) -> String {
    url(server).replace("://", &format!("://git:{key}@"))
}

#[test]
fn key_is_accepted_as_password_or_header() {
    let (world, server) = serve_with_keys();
    for key in ["reader", "both", "root"] {
        git_ok(&world, &["clone", &with_key(&server, key), key]);
        fsck(&world, key);
        let header = format!("http.extraHeader=Wasmstore-Auth: {key}");
        let listed = git_ok(&world, &["-c", &header, "ls-remote", &url(&server), "HEAD"]);
        assert_eq!(listed, format!("{}\tHEAD", world.tip()));
    }
}

#[test]
fn git_shows_why_a_key_is_rejected() {
    let (world, server) = serve_with_keys();
    let none = git_fails(&world, &["ls-remote", &url(&server)]);
    assert!(none.contains("could not read Username"), "{none}");
    let wrong = git_fails(&world, &["ls-remote", &with_key(&server, "guess")]);
    assert!(wrong.contains("remote: a valid key is needed\n"), "{wrong}");
    assert!(wrong.contains("Authentication failed"), "{wrong}");
    let header = "http.extraHeader=Wasmstore-Auth: writer";
    let forbidden = git_fails(&world, &["-c", header, "ls-remote", &url(&server)]);
    assert!(
        forbidden.contains("remote: the key does not allow GET: it allows POST\n"),
        "{forbidden}"
    );
    assert!(forbidden.contains("error: 403"), "{forbidden}");
}

#[test]
fn key_for_reading_cannot_push() {
    let (world, server) = serve_with_keys();
    git_ok(&world, &["clone", &with_key(&server, "reader"), "clone"]);
    let pushed = git_fails(
        &world,
        &["-C", "clone", "push", "origin", "main:refs/heads/x"],
    );
    assert!(
        pushed.contains("remote: the key does not allow POST: it allows GET\n"),
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
        let answer = request(&server, "POST", "git-receive-pack", &[&key, mime], b"0000");
        assert_eq!(answer.status, expected, "{key}");
        let answer = request(&server, "GET", refs, &[&key], b"");
        assert_eq!(answer.status, expected, "{key}");
    }
    let answer = request(&server, "POST", "git-receive-pack", &[mime], b"0000");
    assert_eq!(answer.status, 401);
    assert_eq!(
        git_ok(&world, &["-C", "clone", "rev-parse", "HEAD"]),
        world.tip()
    );
}

/// Returns the variables with which git is started to advertise refs.
fn git_variables(
    service: &str,
    args: &[&str],
    variables: &[(&str, &str)],
    header: &str,
) -> Vec<String> {
    let world = World::with_store("sha1");
    let env_file = world.path("env");
    world.file("keys", KEYS);
    let script = format!("env >{}; exit 1", env_file.display());
    let server = serve_with_script_and_variables(&world, &script, args, variables);
    let path = format!("info/refs?service={service}");
    assert_eq!(request(&server, "GET", &path, &[header], b"").status, 500);
    let env = fs::read_to_string(&env_file).unwrap();
    let is_limit = |line: &str| line.starts_with("WASMSTORE_PUSH_MAX_");
    let is_named = |line: &str| line.contains("WASMSTORE") || line.starts_with("GIT_CONFIG");
    let is_relevant = |line: &&str| is_named(line) && !is_limit(line);
    let mut variables: Vec<_> = env.lines().filter(is_relevant).map(str::to_owned).collect();
    variables.sort_unstable();
    variables
}

#[test]
fn hooks_get_the_permissions_and_the_author_of_the_pusher() {
    let program = fs::canonicalize(env!("CARGO_BIN_EXE_wasmstore")).unwrap();
    let program = format!("WASMSTORE_PROGRAM={}", program.display());
    let config = ["GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1"];
    let keys = ["--auth-file", "keys"];
    let (ann, all) = (
        "WASMSTORE_PUSH_AUTHOR=Ann <ann@example.org>",
        "WASMSTORE_PUSH_METHODS=*",
    );
    let some = "WASMSTORE_PUSH_METHODS=GET,POST";
    let push = |args: &[&str], header| git_variables("git-receive-pack", args, &[], header);
    assert_eq!(push(&[], "X: y"), [&config[..], &[&program, all]].concat());
    assert_eq!(
        push(&keys, "Wasmstore-Auth: root"),
        [&config[..], &[&program, all]].concat()
    );
    let both = push(&keys, "Wasmstore-Auth: both");
    assert_eq!(both, [&config[..], &[&program, ann, some]].concat());
}

#[test]
fn servers_own_variables_are_not_passed_to_git() {
    let variables = [
        ("WASMSTORE_AUTH", "secret:*"),
        ("WASMSTORE_PUSH_AUTHOR", "Eve <eve@example.org>"),
        ("GIT_CONFIG_COUNT", "x"),
        ("GIT_CONFIG_PARAMETERS", "x"),
    ];
    let config = ["GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1"];
    let fetch = git_variables("git-upload-pack", &[], &variables, "Wasmstore-Auth: secret");
    assert_eq!(fetch, config);
}

#[test]
fn both_http_versions_work_over_tls() {
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
        let directory = version.replace('/', "-");
        git_ok(
            &world,
            &["-c", &trust, "-c", &version, "clone", &url, &directory],
        );
        fsck(&world, &directory);
    }
    let untrusted = git_fails(&world, &["ls-remote", &url]);
    assert!(untrusted.contains("certificate"), "{untrusted}");
}

#[test]
fn foreign_origins_can_neither_fetch_nor_push() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &[]);
    let origin = "Origin: http://evil.example";
    for path in [
        "info/refs?service=git-receive-pack",
        "info/refs?service=git-upload-pack",
    ] {
        assert_eq!(request(&server, "GET", path, &[origin], b"").status, 403);
    }
    let mime = "Content-Type: application/x-git-receive-pack-request";
    let answer = request(
        &server,
        "POST",
        "git-receive-pack",
        &[mime, origin],
        b"0000",
    );
    assert_eq!(answer.status, 403);
}

#[test]
fn everything_else_works_without_git() {
    let world = World::with_store("sha1");
    world.add("a.wasm", 1);
    let server = Server::start_with(&world, &[], &[("PATH", "/nowhere")]);
    server.wait_for("git is not installed");
    let detail = "git is not installed on the server, and fetches and pushes need it";
    for (method, path) in [
        ("GET", "info/refs?service=git-upload-pack"),
        ("GET", "info/refs?service=git-receive-pack"),
        ("POST", "git-upload-pack"),
        ("POST", "git-receive-pack"),
    ] {
        let answer = request(&server, method, path, &[], b"");
        assert_eq!(
            (answer.status, answer.text()),
            (501, detail),
            "{method} {path}"
        );
    }
    assert_eq!(server.get("/api/v1/module/a.wasm").status, 200);
    assert_eq!(server.send("POST", "/api/v1/gc", &[], b"").status, 200);
    let shown = git(&world, &["ls-remote", &url(&server)]);
    assert!(
        shown.err.contains(&format!("remote: {detail}\n")),
        "{shown:?}"
    );
    assert_eq!(
        server.log().matches("not installed").count(),
        1,
        "{}",
        server.log()
    );
}
