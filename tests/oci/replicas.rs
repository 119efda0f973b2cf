//! A replica has the records of its primary, serves pulls, and passes pushes on.

use std::time::{Duration, Instant};

use super::pushing::{digest_at, push_to};
use crate::support::program::{World, module};
use crate::support::server::Server;

/// Far longer than any step takes, even on a slow machine.
const LONG: Duration = Duration::from_secs(30);

fn replica_of(world: &World, primary: &Server, args: &[&str]) -> Server {
    let url = format!("http://{}", primary.address);
    let follow = ["--replica-of", &url, "--replica-poll", "1"];
    Server::start(world, &[&follow[..], args].concat())
}

#[track_caller]
fn becomes_equal(replica: (&World, &Server), primary: &World) {
    let start = Instant::now();
    while replica.0.git(&["for-each-ref"]) != primary.git(&["for-each-ref"]) {
        assert!(start.elapsed() < LONG, "{}", replica.1.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_replica_follows_the_records_and_serves_pulls() {
    for format in ["sha1", "sha256"] {
        let (world, other) = (World::with_store(format), World::empty());
        let primary = Server::start(&world, &[]);
        let first = push_to(&primary, "a/b", "1", &module(1));
        let replica = replica_of(&other, &primary, &[]);
        assert_eq!(digest_at(&replica, "a/b", "1"), first);
        let second = push_to(&primary, "a/b", "1", &module(2));
        becomes_equal((&other, &replica), &world);
        assert_eq!(digest_at(&replica, "a/b", "1"), second);
        assert_eq!(digest_at(&replica, "a/b", &first), first);
        for path in ["/v2/a/b/tags/list", "/v2/_catalog"] {
            assert_eq!(replica.get(path).body, primary.get(path).body, "{path}");
        }
        let layer = wasmstore::names::OciDigest::Sha256(wasmstore::store::sha256(&module(2)));
        let blob = replica.get(&format!("/v2/a/b/blobs/{layer}"));
        assert_eq!(blob.body, module(2));
        // The replica keeps what the primary has: its own gc removes nothing.
        let deleted = primary.send("DELETE", "/api/v1/module/a/b/1.wasm", &[], b"");
        assert_eq!(deleted.status, 200, "{}", deleted.text());
        becomes_equal((&other, &replica), &world);
        let records = other.git(&["rev-parse", "refs/oci/records"]);
        other.ok(&["gc", "--keep-history"]);
        assert_eq!(other.git(&["rev-parse", "refs/oci/records"]), records);
        assert_eq!(primary.send("POST", "/api/v1/gc", &[], b"").status, 200);
        becomes_equal((&other, &replica), &world);
        assert_ne!(other.git(&["rev-parse", "refs/oci/records"]), records);
        assert_eq!(digest_at(&replica, "a/b", &second), "404");
        other.fsck();
        other.ok(&["verify"]);
        let log = replica.log();
        assert!(
            !log.contains("cannot follow") && !log.contains("skipping"),
            "{log}"
        );
    }
}

#[test]
fn pushes_are_redirected_to_the_primary_or_refused() {
    let (world, other, third) = (World::with_store("sha1"), World::empty(), World::empty());
    let primary = Server::start(&world, &[]);
    let digest = push_to(&primary, "a", "1", &module(1));
    let replica = replica_of(&other, &primary, &[]);
    let refusing = replica_of(&third, &primary, &["--replica-changes", "refuse"]);
    let manifest = format!("/v2/a/manifests/{digest}");
    let blob = format!("/v2/a/blobs/{digest}");
    for (method, path) in [
        ("POST", "/v2/a/blobs/uploads/"),
        ("POST", "/v2/a/blobs/uploads/?mount=sha256:0&from=b"),
        // It is a read, but only the primary has the upload.
        ("GET", "/v2/a/blobs/uploads/1"),
        ("PATCH", "/v2/a/blobs/uploads/1"),
        ("PUT", "/v2/a/blobs/uploads/1?digest=sha256:0"),
        ("PUT", "/v2/a/manifests/1"),
        ("DELETE", "/v2/a/manifests/1"),
        ("DELETE", &manifest),
        ("DELETE", &blob),
    ] {
        let response = replica.send(method, path, &[], b"");
        assert_eq!(response.status, 307, "{method} {path}");
        let to = format!("http://{}{path}", primary.address);
        let to = to.replace("/?", "?").trim_end_matches('/').to_owned();
        assert_eq!(response.header("location"), Some(&*to));
        let response = refusing.send(method, path, &[], b"");
        assert_eq!(response.status, 403, "{method} {path}");
        let body: serde_json::Value = serde_json::from_str(response.text()).unwrap();
        assert_eq!(body["errors"][0]["code"], "DENIED", "{body}");
    }
    for path in ["/v2/", "/v2/a/manifests/1"] {
        for server in [&replica, &refusing] {
            assert_eq!(server.get(path).status, 200, "{path}");
            assert_eq!(server.send("HEAD", path, &[], b"").status, 200, "{path}");
        }
    }
    assert_eq!(digest_at(&primary, "a", "1"), digest);
}

#[test]
fn requests_have_few_labels_and_pushes_count_as_commits() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &[]);
    let commits = || {
        let metrics = server.get("/metrics").text().to_owned();
        let mut lines = metrics.lines();
        let count = lines.find_map(|line| line.strip_prefix("wasmstore_commits_total "));
        count.map_or(0, |count| count.parse::<u32>().unwrap())
    };
    push_to(&server, "a", "1", &module(1));
    assert_eq!(commits(), 1, "one change of the branch and the records");
    push_to(&server, "a", "1", &module(1));
    assert_eq!(commits(), 1, "nothing has changed");
    for n in 0..20 {
        server.get(&format!("/v2/r{n}/manifests/{n}"));
        server.get(&format!("/v2/r{n}/tags/list"));
    }
    let metrics = server.get("/metrics").text().to_owned();
    let mut routes: Vec<_> = metrics
        .lines()
        .filter_map(|line| line.split_once("route=\"")?.1.split_once('"'))
        .map(|(route, _)| route)
        .filter(|route| route.contains("v2"))
        .collect();
    routes.sort_unstable();
    routes.dedup();
    assert_eq!(routes, ["/v2/{*rest}"]);
}
