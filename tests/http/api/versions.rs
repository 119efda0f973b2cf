//! `/versions` and `/version`.

use wasmstore::store::ObjectFormat;

use super::Api;
use crate::support::store::module;

#[test]
fn versions_are_listed_oldest_first() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let api = Api::with_format(format);
        api.get("/versions/d/a").is(200, "[]");
        let first = api.put("d/a", 1);
        let second = api.put("d/a", 2);
        api.put("d/a", 1);
        api.put("d/b", 3);
        let [one, two] = [1, 2].map(|n| api.hash_of(&module(n)));
        let expected = format!(r#"[["{one}","{first}"],["{two}","{second}"]]"#);
        let tip = api.rev("main");
        let listed = api.get("/versions/d/a");
        listed
            .is(200, &expected)
            .has("content-type", "application/json")
            .has("wasmstore-commit", &tip);
        api.delete("/module/d/a").is(200, "");
        api.get("/versions/d/a").is(200, &expected);
        let as_of = [("wasmstore-commit", &*first.to_string())];
        api.get_with("/versions/d/a", &as_of)
            .is(200, &format!(r#"[["{one}","{first}"]]"#));
        api.get("/versions/d").is(200, "[]");
        assert_eq!(api.get("/versions/a/..").status, 400);
    }
}

#[test]
fn a_version_is_returned_unchanged() {
    let api = Api::new();
    let first = api.put("d/a", 1).to_string();
    let second = api.put("d/a", 2).to_string();
    api.delete("/module/d/a").is(200, "");
    for (index, n, commit) in [("0", 1, &first), ("1", 2, &second)] {
        let response = api.get(&format!("/version/{index}/d/a"));
        assert_eq!((response.status, &response.body[..]), (200, &module(n)[..]));
        let hash = api.hash_of(&module(n));
        response
            .has("content-type", "application/wasm")
            .has("wasmstore-hash", &hash)
            .has("wasmstore-commit", commit)
            .has("etag", &format!("\"{hash}\""))
            .has("content-length", &module(n).len().to_string())
            .has("accept-ranges", "bytes")
            .has("cache-control", "no-cache")
            .has(
                "vary",
                "Accept-Encoding, Wasmstore-Branch, Wasmstore-Commit",
            );
    }
    let tag = format!("\"{}\"", api.hash_of(&module(1)));
    assert_eq!(
        api.get_with("/version/0/d/a", &[("if-none-match", &tag)])
            .status,
        304
    );
    assert_eq!(
        api.get_with("/version/1/d/a", &[("if-none-match", &tag)])
            .status,
        200
    );
    assert_eq!(
        api.get_with("/version/0/d/a", &[("range", "bytes=0-3")])
            .body,
        &module(1)[..4]
    );
}

#[test]
fn an_unknown_version_is_404_and_a_malformed_one_400() {
    let api = Api::new();
    api.put("a", 1);
    api.get("/version/1/a")
        .is(404, "/a has no version 1: there are 1, counted from 0");
    let huge = format!("/version/{}/a", "9".repeat(40));
    assert_eq!(api.get(&huge).status, 404);
    api.get("/version/0/b")
        .is(404, "there has never been anything at /b");
    let malformed = "the version must be a number, counted from 0";
    for index in ["x", "-1", "+0", "1.0", "0x0", "%20", "%D9%A1", "1e0"] {
        api.get(&format!("/version/{index}/a")).is(400, malformed);
    }
    assert_eq!(api.get("/version/0/a/..").status, 400);
    assert_eq!(api.get("/version/0/").status, 404);
}
