//! Pushing to a server: keys give permissions.

use super::Clone;
use crate::support::program::{World, module};
use crate::support::server::Server;

const KEYS: &str = "reader:GET;writer:GET,POST;owner:*";

/// Returns a clone that pushes to the server with `key`.
fn clone_of<'w>(world: &'w World, server: &Server, name: &str, key: &str) -> Clone<'w> {
    let clone = Clone::of(world, name);
    let url = format!("http://any:{key}@{}/wasmstore.git", server.address);
    clone.git(&["remote", "set-url", "origin", &url]);
    Clone {
        variables: vec![("GIT_TERMINAL_PROMPT".to_owned(), "0".to_owned())],
        ..clone
    }
}

#[test]
fn a_push_over_http_is_validated_and_published() {
    for format in ["sha1", "sha256"] {
        let world = World::with_store(format);
        let server = Server::start(&world, &[]);
        let clone = clone_of(&world, &server, "clone", "none");
        let tip = clone.module("a/b", 1);
        clone.pushes(&["main"]);
        assert_eq!(server.get("/api/v1/snapshot").text(), tip);
        assert_eq!(server.get("/api/v1/module/a/b").body, module(1));
        assert!(server.get("/api/v1/versions/a/b").text().contains(&tip));
        clone.commit("read.me", "Read me");
        let seen = clone.refused(&["main"]);
        let reason = "it is not a valid module: not WebAssembly: the magic number is missing (at offset 0x0)";
        assert!(seen.contains(reason), "{seen}");
        // Without keys, every client has all permissions.
        clone.git(&["reset", "-q", "--hard", "HEAD~2"]);
        clone.pushes(&["--force", "main"]);
        assert_eq!(server.get("/api/v1/modules").text(), "{}");
    }
}

#[test]
fn a_server_can_require_portable_names() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &["--portable-names"]);
    let clone = clone_of(&world, &server, "clone", "none");
    clone.module("a", 1);
    clone.pushes(&["main"]);
    clone.module("aux.wasm", 2);
    let seen = clone.refused(&["main"]);
    assert!(
        seen.contains("\"aux.wasm\" is the name of a device"),
        "{seen}"
    );
    for (path, status, reason) in [
        ("COM1", 400, "is the name of a device on Windows"),
        ("A", 409, "differs from \"a\" only in letter case"),
    ] {
        let uri = format!("/api/v1/module/{path}");
        let response = server.send("POST", &uri, &[], &module(1));
        assert_eq!(response.status, status, "{}", response.text());
        assert!(response.text().contains(reason), "{}", response.text());
    }
    // The rule is one of this server, not of the store.
    world.add("COM1", 1);
}

#[test]
fn keys_permit_pushing_and_dropping_history() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &["--auth", KEYS]);
    let reader = clone_of(&world, &server, "reader", "reader");
    reader.module("a", 1);
    let ran = reader.run(&["push", "origin", "main"]);
    assert_eq!(ran.code, Some(128), "{}", ran.err);
    assert!(ran.err.contains("403"), "{}", ran.err);
    let writer = clone_of(&world, &server, "writer", "writer");
    writer.module("a", 1);
    writer.module("a", 2);
    writer.pushes(&["main", "main:side"]);
    let seen = writer.refused(&["--delete", "side"]);
    assert!(
        seen.contains("refs/heads/side: deleting it needs a key that allows DELETE"),
        "{seen}"
    );
    let seen = writer.refused(&["--force", "main~1:main"]);
    assert!(seen.contains("git pull --rebase"), "{seen}");
    let owner = clone_of(&world, &server, "owner", "owner");
    owner.pushes(&["--delete", "side"]);
    owner.pushes(&["--force", "main~1:main"]);
    let ran = clone_of(&world, &server, "stranger", "other").run(&["push", "origin", "main"]);
    assert_eq!(ran.code, Some(128), "{}", ran.err);
    for key in ["reader", "writer", "owner", "other"] {
        assert!(!server.log().contains(key), "{}", server.log());
    }
}

#[test]
fn a_key_with_an_author_pushes_only_commits_of_that_author() {
    let world = World::with_store("sha1");
    world.file("keys", "ci:*:CI <ci@example.org>\n");
    let server = Server::start(&world, &["--auth-file", "keys"]);
    let clone = clone_of(&world, &server, "clone", "ci");
    clone.module("a", 1);
    let seen = clone.refused(&["main"]);
    assert!(
        seen.contains("its author is not CI <ci@example.org>"),
        "{seen}"
    );
    let clone = clone
        .with("GIT_COMMITTER_NAME", "CI")
        .with("GIT_COMMITTER_EMAIL", "ci@example.org");
    clone.git(&[
        "commit",
        "-q",
        "--amend",
        "--no-edit",
        "--author",
        "CI <ci@example.org>",
    ]);
    clone.pushes(&["main"]);
}

#[test]
fn the_servers_limits_apply_to_pushes() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &["--max-module-bytes", "1000"]);
    let clone = clone_of(&world, &server, "clone", "none");
    clone.commit("a", crate::support::store::custom_section(vec![0; 2000]));
    let seen = clone.refused(&["main"]);
    assert!(
        seen.contains("the module is larger than 1000 bytes"),
        "{seen}"
    );
}
