//! Generations in headers, and reads that see what another server has acknowledged.

use super::*;

#[test]
fn a_read_waits_for_the_generation_that_it_asks_for() {
    let cluster = Cluster::new();
    let (one, two) = (cluster.start("one", &[]), cluster.start("two", &[]));
    let first = put(&one, "a", 1);
    let second = put(&one, "a", 2);
    assert!(second > first, "{first} {second}");
    let old = get(&two, "/module/a", &[]);
    assert_eq!(old.status, 404, "the test needs a server that is behind");
    assert!(generation(&old) < first);
    let min = format!("Wasmstore-Min-Generation: {second}");
    let new = get(&two, "/module/a", &[&min]);
    assert_eq!((new.status, &new.body), (200, &module(2)));
    assert!(generation(&new) >= second);
    // The second request finds the copy up to date.
    let requests = metric(&two, "requests_total{kind=\"get_manifest\"}");
    assert_eq!(get(&two, "/module/a", &[&min]).status, 200);
    assert_eq!(
        metric(&two, "requests_total{kind=\"get_manifest\"}"),
        requests
    );
}

#[test]
fn malformed_and_unknown_generations_are_rejected() {
    let cluster = Cluster::new();
    let one = cluster.start("one", &[]);
    for value in ["", "x", "-1", "+1", "1.5", "99999999999999999999"] {
        let header = format!("Wasmstore-Min-Generation: {value}");
        for response in [
            get(&one, "/modules", &[&header]),
            post(&one, "/rollback", &[&header], b""),
        ] {
            assert_eq!(response.status, 400, "{value:?}");
        }
    }
    let far = get(&one, "/modules", &["Wasmstore-Min-Generation: 1000000"]);
    assert_eq!(far.status, 503);
    assert_eq!(far.header("retry-after"), Some("1"));
    assert_eq!(
        far.text(),
        "the bucket has no generation 1000000 yet; try again"
    );
    assert_eq!(get(&one, "/modules?consistent=perhaps", &[]).status, 400);
    // A server of a store on one disk has no generations.
    let alone = World::with_store("sha1");
    let alone = Server::start(&alone, &[]);
    let response = get(
        &alone,
        "/modules?consistent=true",
        &["Wasmstore-Min-Generation: 1000000"],
    );
    assert_eq!(response.status, 200);
    assert_eq!(response.header("wasmstore-generation"), None);
    assert!(!alone.get("/metrics").text().contains("wasmstore_bucket_"));
}

#[test]
fn a_consistent_read_and_a_fetch_see_every_acknowledged_change() {
    let cluster = Cluster::new();
    let (one, two) = (cluster.start("one", &[]), cluster.start("two", &[]));
    put(&one, "a", 1);
    assert_eq!(get(&two, "/module/a", &[]).status, 404);
    let read = get(&two, "/module/a?consistent=true", &[]);
    assert_eq!((read.status, read.body), (200, module(1)));
    put(&one, "a", 2);
    assert_eq!(
        get(&two, "/hash/a?consistent=false", &[]).text(),
        get(&two, "/hash/a", &[]).text()
    );
    assert_eq!(get(&two, "/module/a", &[]).body, module(1));
    let tip = get(&one, "/snapshot", &[]).text().to_owned();
    let url = format!("http://{}/wasmstore.git", two.address);
    let listed = cluster
        .world
        .command("git")
        .args(["ls-remote", &url, "refs/heads/main"])
        .output();
    let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
    assert_eq!(listed, format!("{tip}\trefs/heads/main\n"));
    cluster.make_unreachable();
    let listed = cluster
        .world
        .command("git")
        .args(["ls-remote", &url, "refs/heads/main"])
        .output();
    let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
    assert_eq!(
        listed,
        format!("{tip}\trefs/heads/main\n"),
        "the copy is advertised"
    );
    let response = get(&two, "/module/a?consistent=true", &[]);
    assert_eq!(response.status, 503, "{}", response.text());
}

#[test]
fn generations_and_the_bucket_are_described() {
    let cluster = Cluster::new();
    let one = cluster.start("one", &[]);
    let document: serde_json::Value =
        serde_json::from_str(get(&one, "/openapi.json", &[]).text()).unwrap();
    let module = &document["paths"]["/api/v1/module/{name}"];
    for (method, expected) in [("get", true), ("post", false), ("delete", false)] {
        let operation = &module[method];
        let parameters = operation["parameters"].to_string();
        assert!(parameters.contains("Wasmstore-Min-Generation"), "{method}");
        assert_eq!(parameters.contains("\"consistent\""), expected, "{method}");
        let header = &operation["responses"]["200"]["headers"]["Wasmstore-Generation"];
        assert!(header.is_object(), "{method}");
    }
    put(&one, "a", 1);
    let page = one.send("GET", "/ui/status", &["Accept: text/html"], b"");
    assert_eq!(page.status, 200);
    let text = page.text();
    assert!(
        text.contains(">Bucket</h2>") && text.contains("this server"),
        "{text}"
    );
    assert!(!text.contains(&cluster.url()), "{text}");
    cluster.make_unreachable();
    assert_eq!(get(&one, "/modules?consistent=true", &[]).status, 503);
}
