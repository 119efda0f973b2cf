//! Servers that do not have the store yet.

use super::*;

#[test]
fn a_server_answers_503_until_it_has_the_store() {
    let cluster = Cluster {
        world: World::with_store("sha1"),
    };
    cluster.world.add("a", 1);
    let root = cluster.world.root();
    let from = [
        "bucket",
        "init",
        &cluster.url(),
        "--from",
        root.to_str().unwrap(),
    ];
    cluster.world.ok(&from);
    let (packs, away) = (
        cluster.bucket().join("packs"),
        cluster.bucket().join("away"),
    );
    std::fs::rename(&packs, &away).unwrap();
    let server = cluster.start_unready("one", &["--bucket-poll", "1"]);
    server.wait_for("cannot follow the bucket");
    for path in [
        "/api/v1/module/a",
        "/api/v1/modules",
        "/wasmstore.git/info/refs?service=git-upload-pack",
        "/v2/",
        "/ui/status",
        "/",
        "/api/v1/nothing",
    ] {
        let response = server.get(path);
        assert_eq!(response.status, 503, "{path}");
        assert_eq!(response.header("retry-after"), Some("1"), "{path}");
    }
    assert_eq!(put_status(&server), 503);
    assert_eq!(server.get("/readyz").status, 503);
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(metric(&server, "generation"), 0.0);
    std::fs::rename(&away, &packs).unwrap();
    is_ready(&server);
    assert_eq!(server.get("/api/v1/module/a").body, module(1));
    assert_eq!(put_status(&server), 200);
    // A server that is started again serves its copy soon, even if the copy cannot be updated.
    drop(server);
    cluster.make_unreachable();
    let server = cluster.start_unready("one", &["--bucket-poll", "1"]);
    is_ready(&server);
    assert_eq!(server.get("/api/v1/module/a").body, module(1));
}

fn put_status(server: &Server) -> u16 {
    post(server, "/module/b", &[], &module(2)).status
}

#[test]
fn a_server_that_starts_again_with_its_copy_does_not_probe_the_bucket_again() {
    let cluster = Cluster::new();
    let probes = |name| metric(&cluster.start(name, &[]), "requests_total{kind=\"probe\"}");
    assert!(probes("one") > 60.0);
    assert_eq!(probes("one"), 0.0);
    assert!(probes("two") > 60.0);
    // The copy is of another bucket now, as far as the server can tell.
    let config = cluster.world.path("one/config");
    let text = std::fs::read_to_string(&config).unwrap();
    let (probed, other) = [cluster.url(), "s3://other".to_owned()]
        .map(|url| format!("bucketProbed = {url}"))
        .into();
    assert!(text.contains(&probed), "{text}");
    std::fs::write(&config, text.replace(&probed, &other)).unwrap();
    assert!(probes("one") > 60.0);
}
