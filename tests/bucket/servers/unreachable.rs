//! A bucket that cannot be reached.

use super::*;

#[test]
fn reads_go_on_and_writes_get_503_while_the_bucket_is_unreachable() {
    let cluster = Cluster::new();
    let one = cluster.start("one", &[]);
    put(&one, "a", 1);
    let two = cluster.start("two", &["--bucket-poll", "1"]);
    drop(one);
    cluster.make_unreachable();
    let hash = get(&two, "/hash/a", &[]).text().to_owned();
    for (method, path, body) in [
        ("POST", "/module/b".to_owned(), module(2)),
        ("POST", format!("/hash/{hash}/c"), Vec::new()),
        ("DELETE", "/module/a".to_owned(), Vec::new()),
        ("POST", "/rollback".to_owned(), Vec::new()),
        ("POST", "/branch/side".to_owned(), Vec::new()),
        ("PUT", "/branch/side".to_owned(), Vec::new()),
    ] {
        let response = two.send(method, &format!("/api/v1{path}"), &[], &body);
        assert_eq!(response.status, 503, "{method} {path}: {}", response.text());
        assert_eq!(response.header("retry-after"), Some("1"), "{method} {path}");
        assert_eq!(
            response.text(),
            "the bucket of the store cannot be used, so nothing can be changed at the moment; try again, or read the server log"
        );
    }
    let problem = post(&two, "/module/b", &["Accept: application/json"], &module(2));
    assert_eq!(
        problem.header("content-type"),
        Some("application/problem+json")
    );
    assert!(
        problem.text().contains("\"status\":503"),
        "{}",
        problem.text()
    );
    assert_eq!(get(&two, "/module/a", &[]).body, module(1));
    assert_eq!(two.get("/readyz").status, 200);
    assert!(metric(&two, "errors_total{kind=\"get_manifest\"}") > 0.0);
    two.wait_for("cannot follow the bucket");
    let page = two.send("GET", "/ui/status", &["Accept: text/html"], b"");
    assert!(page.text().contains("failure"), "{}", page.text());
    assert!(!page.text().contains(&cluster.url()), "{}", page.text());
    cluster.make_reachable();
    put(&two, "b", 2);
    assert_eq!(get(&two, "/module/b", &[]).body, module(2));
    two.wait_for("following the bucket again");
}

/// The object format is in the bucket only, so nothing is created in its place.
#[test]
fn a_copy_whose_creation_was_interrupted_is_not_created_while_the_bucket_is_unreachable() {
    let cluster = Cluster::new();
    drop(cluster.start("one", &[]));
    let root = cluster.world.path("one");
    std::fs::remove_file(root.join("HEAD")).unwrap();
    std::fs::write(root.join("wasmstore/creating"), "").unwrap();
    cluster.make_unreachable();
    let listed = cluster.world.run(&["--root", "one", "list"]);
    assert_eq!(listed.code, Some(5), "{listed:?}");
    assert!(!root.join("HEAD").exists(), "{listed:?}");
    cluster.make_reachable();
    let two = cluster.start("one", &[]);
    put(&two, "a", 1);
    assert_eq!(get(&two, "/module/a", &[]).body, module(1));
}
