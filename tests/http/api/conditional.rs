//! Entity tags and preconditions of reads and writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::{Body, Bytes};
use axum::http::Request;
use wasmstore::store::ObjectFormat;

use super::{Api, HOST, api, digest_of};
use crate::support::store::module;

#[test]
fn a_matching_if_none_match_is_304() {
    let api = Api::new();
    let tip = api.put("a", 1).to_string();
    let hash = api.hash_of(&module(1));
    let other = api.hash_of(&module(2));
    for (tags, status) in [
        (format!("\"{hash}\""), 304),
        (format!("W/\"{hash}\""), 304),
        (format!("\"{hash}-gzip\""), 304),
        (format!("\"{hash}-zstd\""), 304),
        (format!("\"{other}\", \"{hash}\""), 304),
        ("*".to_owned(), 304),
        (format!("\"{other}\""), 200),
        (format!("\"{hash}-br\""), 200),
        (hash.clone(), 400),
        ("\"".to_owned(), 400),
    ] {
        let response = api.get_with("/module/a", &[("if-none-match", &tags)]);
        assert_eq!(response.status, status, "{tags}");
        if status == 304 {
            assert_eq!(response.body, Bytes::new());
            response
                .has("etag", &format!("\"{hash}\""))
                .has("wasmstore-commit", &tip)
                .has("cache-control", "no-cache")
                .has(
                    "vary",
                    "Accept-Encoding, Wasmstore-Branch, Wasmstore-Commit",
                );
        }
    }
    let by_hash = api.get_with(&format!("/module/{hash}"), &[("if-none-match", "*")]);
    by_hash
        .is(304, "")
        .has("cache-control", "public, max-age=31536000, immutable")
        .lacks("wasmstore-commit");
    // A missing module is 404 whatever the precondition is.
    api.get_with("/module/none", &[("if-none-match", "*")])
        .is(404, "there is no module /none");
}

#[test]
fn the_entity_tag_of_a_list_is_its_commit() {
    let api = Api::new();
    let old = api.put("a", 1).to_string();
    api.git(&["branch", "old"]);
    let tip = api.put("d/b", 2).to_string();
    let vary = "Wasmstore-Branch, Wasmstore-Commit";
    for path in [
        "/modules",
        "/modules/d",
        "/modules?limit=1",
        "/versions/a",
        "/commits",
        "/commits/a",
    ] {
        let (etag, old_etag) = (format!("\"{tip}\""), format!("\"{old}\""));
        let listed = api.get(path);
        listed.has("etag", &etag).has("vary", vary);
        let unchanged = api.get_with(path, &[("if-none-match", &etag)]);
        unchanged.is(304, "").has("etag", &etag).has("vary", vary);
        unchanged
            .has("wasmstore-commit", &tip)
            .has("cache-control", "no-cache");
        assert_eq!(
            api.send_empty("HEAD", path, &[("if-none-match", &etag)])
                .status,
            304
        );
        let changed = api.get_with(path, &[("if-none-match", &old_etag)]);
        assert_eq!(
            (changed.status, &changed.body),
            (200, &listed.body),
            "{path}"
        );
        for selected in [
            ("wasmstore-branch", "old"),
            ("wasmstore-commit", old.as_str()),
        ] {
            let known = api.get_with(path, &[selected, ("if-none-match", &old_etag)]);
            assert_eq!(known.status, 304, "{path} {selected:?}");
            let other = api.get_with(path, &[selected, ("if-none-match", &etag)]);
            assert_eq!(other.status, 200, "{path} {selected:?}");
        }
        assert_eq!(api.get_with(path, &[("if-none-match", "x")]).status, 400);
    }
    let unknown = [("wasmstore-branch", "none"), ("if-none-match", "*")];
    assert_eq!(api.get_with("/modules", &unknown).status, 404);
    api.get("/branches").lacks("etag");
}

#[test]
fn a_read_with_a_stale_if_match_is_412() {
    let api = Api::new();
    api.put("a", 1);
    let hash = api.hash_of(&module(1));
    for (tags, status) in [
        (format!("\"{hash}\""), 200),
        (format!("\"{hash}-gzip\""), 200),
        (format!("\"x\", \"{hash}\""), 200),
        ("*".to_owned(), 200),
        (format!("W/\"{hash}\""), 412),
        ("\"x\"".to_owned(), 412),
        ("x".to_owned(), 400),
    ] {
        let response = api.get_with("/module/a", &[("if-match", &tags)]);
        assert_eq!(response.status, status, "{tags}");
    }
    let rejection = api.get_with("/module/a", &[("if-match", "\"x\"")]);
    rejection.is(
        412,
        &format!("the precondition failed: the current value is {hash}"),
    );
}

/// Sends a request with a precondition and checks the status.
fn send_conditional(
    api: &Api,
    (method, path): (&str, &str),
    header: (&str, &str),
    body: Vec<u8>,
    status: u16,
) {
    let before = api.state();
    let response = api.send(method, &super::api(path), &[header], body);
    assert_eq!(
        response.status,
        status,
        "{method} {path} {header:?}: {}",
        response.text()
    );
    if status == 412 {
        assert!(
            response.text().starts_with("the precondition failed: "),
            "{}",
            response.text()
        );
        assert_eq!(api.state(), before, "{method} {path} {header:?}");
    }
}

#[test]
fn a_put_with_a_failed_precondition_is_412() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let api = Api::with_format(format);
        let put = ("POST", "/module/a");
        let tag = |n| format!("\"{}\"", api.hash_of(&module(n)));
        send_conditional(&api, put, ("if-match", "*"), module(1), 412);
        send_conditional(&api, put, ("if-match", &tag(1)), module(1), 412);
        send_conditional(&api, put, ("if-none-match", "*"), module(1), 200);
        // Also if the content would be equal.
        send_conditional(&api, put, ("if-none-match", "*"), module(1), 412);
        send_conditional(&api, put, ("if-none-match", &tag(1)), module(1), 412);
        send_conditional(
            &api,
            put,
            ("if-none-match", &format!("W/{}", tag(1))),
            module(2),
            412,
        );
        send_conditional(&api, put, ("if-match", &tag(2)), module(1), 412);
        send_conditional(
            &api,
            put,
            ("if-match", &format!("W/{}", tag(1))),
            module(2),
            412,
        );
        send_conditional(&api, put, ("if-match", "W/\"x\", y"), module(2), 400);
        send_conditional(
            &api,
            put,
            ("if-match", &format!("\"x\" , {}", tag(1))),
            module(2),
            200,
        );
        let variant_tag = format!("\"{}-gzip\"", api.hash_of(&module(2)));
        send_conditional(&api, put, ("if-match", &variant_tag), module(3), 200);
        send_conditional(&api, put, ("if-none-match", &tag(1)), module(4), 200);
        send_conditional(&api, put, ("if-match", "*"), module(4), 200);
        assert_eq!(api.content(), "/a=4");
    }
}

#[test]
fn every_write_of_one_path_supports_preconditions() {
    let api = Api::new();
    let old = api.put("a", 1).to_string();
    api.put("a", 2);
    let hash = api.hash_of(&module(1));
    let now = format!("\"{}\"", api.hash_of(&module(2)));
    for (method, path) in [
        ("POST", format!("/hash/{hash}/a")),
        ("POST", format!("/restore/{old}/a")),
        ("POST", "/rollback/a".to_owned()),
        ("DELETE", "/module/a".to_owned()),
    ] {
        let change = (method, &*path);
        send_conditional(
            &api,
            change,
            ("if-match", &format!("\"{hash}\"")),
            Vec::new(),
            412,
        );
        send_conditional(&api, change, ("if-none-match", &now), Vec::new(), 412);
        send_conditional(&api, change, ("if-none-match", "*"), Vec::new(), 412);
        send_conditional(&api, change, ("if-match", &now), Vec::new(), 200);
        send_conditional(&api, change, ("if-match", &now), Vec::new(), 412);
        api.put("a", 2);
    }
    api.fsck();
}

#[test]
fn the_entity_tag_of_a_removal_by_hash_is_the_hash() {
    let api = Api::new();
    api.put("a", 1);
    api.put("b", 1);
    let hash = api.hash_of(&module(1));
    for name in [hash.clone(), digest_of(&module(1))] {
        let path = format!("/module/{name}");
        let change = ("DELETE", &*path);
        send_conditional(
            &api,
            change,
            ("if-match", &format!("\"{}\"", api.tip())),
            Vec::new(),
            412,
        );
        send_conditional(
            &api,
            change,
            ("if-none-match", &format!("\"{hash}\"")),
            Vec::new(),
            412,
        );
        send_conditional(&api, change, ("if-none-match", "*"), Vec::new(), 412);
        send_conditional(
            &api,
            change,
            ("if-match", &format!("\"{hash}\"")),
            Vec::new(),
            200,
        );
        assert_eq!(api.content(), "");
        send_conditional(&api, change, ("if-match", "*"), Vec::new(), 412);
        api.put("a", 1);
    }
}

#[test]
fn preconditions_of_writes_of_several_paths_compare_the_tip() {
    let api = Api::new();
    let old = api.put("d/a", 1).to_string();
    api.put("d/a", 2);
    api.post("/branch/dev", "");
    api.put_on(Some("dev"), "e", 3);
    let stale = format!("\"{old}\"");
    for (method, path) in [
        ("POST", "/merge/dev".to_owned()),
        ("POST", format!("/restore/{old}")),
        ("POST", "/rollback".to_owned()),
        ("POST", "/rollback/d".to_owned()),
        ("POST", format!("/restore/{old}/d")),
        ("POST", "/gc".to_owned()),
        ("DELETE", "/module/d?recursive=true".to_owned()),
    ] {
        let change = (method, &*path);
        let tip = format!("\"{}\"", api.rev("main"));
        send_conditional(&api, change, ("if-match", &stale), Vec::new(), 412);
        send_conditional(&api, change, ("if-none-match", &tip), Vec::new(), 412);
        send_conditional(&api, change, ("if-none-match", "*"), Vec::new(), 412);
        send_conditional(&api, change, ("if-match", &tip), Vec::new(), 200);
        api.put("d/a", 2);
    }
    api.fsck();
}

/// Sends a put. Returns the status and whether the body was read.
fn put_and_watch_body(api: &Api, uri: &str, headers: &[(&str, &str)]) -> (u16, bool) {
    let was_read = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&was_read);
    let body = futures_util::stream::once(async move {
        flag.store(true, Ordering::SeqCst);
        Ok::<_, std::io::Error>(Bytes::from(module(9)))
    });
    let mut request = Request::post(uri).header("host", HOST);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = api.send_request(request.body(Body::from_stream(body)).unwrap());
    (response.status, was_read.load(Ordering::SeqCst))
}

#[test]
fn a_request_that_its_head_rules_out_is_rejected_before_the_body() {
    let s = Api::new();
    s.put("a", 1);
    s.put("d/x", 2);
    let a = api("/module/a");
    for (uri, header, status) in [
        (&*a, ("if-none-match", "*"), 412),
        (&a, ("if-match", "\"x\""), 412),
        (&a, ("if-match", "x"), 400),
        (&a, ("wasmstore-branch", "none"), 404),
        (&a, ("wasmstore-branch", ".."), 400),
        (&a, ("wasmstore-commit", "x"), 400),
        (&a, ("wasmstore-author", "<"), 400),
        (&a, ("content-encoding", "br"), 415),
        (&a, ("content-length", "99999999999"), 413),
        (&a, ("origin", "https://example.org"), 403),
        (&api("/module/a/b"), ("x", "y"), 409),
        (&api("/module/d"), ("x", "y"), 409),
        (&api("/module/.git"), ("x", "y"), 400),
        (&api("/module"), ("x", "y"), 400),
        (&api("/modules"), ("x", "y"), 415),
        (
            &api("/modules"),
            ("content-type", "multipart/form-data"),
            415,
        ),
        (&api("/modules"), ("wasmstore-if-match", "/a"), 400),
        (&api("/branches"), ("x", "y"), 405),
    ] {
        assert_eq!(
            put_and_watch_body(&s, uri, &[header]),
            (status, false),
            "{uri} {header:?}"
        );
    }
    assert_eq!(put_and_watch_body(&s, &a, &[]), (200, true));
    let keyed = Api::with_keys("reader:GET");
    assert_eq!(put_and_watch_body(&keyed, &a, &[]), (401, false));
    assert_eq!(
        put_and_watch_body(&keyed, &a, &[("wasmstore-auth", "reader")]),
        (403, false)
    );
}

#[test]
fn of_concurrent_creations_exactly_one_succeeds() {
    let s = Api::new();
    let put = |n| {
        let precondition = [("if-none-match", "*")];
        s.send("POST", &api("/module/a"), &precondition, module(n))
            .status
    };
    let mut statuses = std::thread::scope(|threads| {
        let put = &put;
        let puts: Vec<_> = (0..8).map(|n| threads.spawn(move || put(n))).collect();
        let statuses = puts.into_iter().map(|put| put.join().unwrap());
        statuses.collect::<Vec<_>>()
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412]);
    assert_eq!(s.subjects().len(), 2);
    s.fsck();
}

#[test]
fn conditions_take_the_digest_of_a_module() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let api = Api::with_format(format);
        let put = ("POST", "/module/d/a");
        let digest = |n| format!("\"{}\"", digest_of(&module(n)));
        send_conditional(&api, put, ("if-match", &digest(1)), module(1), 412);
        send_conditional(&api, put, ("if-none-match", &digest(1)), module(1), 200);
        send_conditional(&api, put, ("if-none-match", &digest(1)), module(2), 412);
        send_conditional(&api, put, ("if-match", &digest(2)), module(2), 412);
        let weak = format!("W/{}", digest(1));
        send_conditional(&api, put, ("if-match", &weak), module(2), 412);
        // Without the prefix, it is a hash.
        let bare = digest(1).replace("sha256:", "");
        send_conditional(&api, put, ("if-match", &bare), module(2), 412);
        let upper = digest(1).to_uppercase().replace("SHA256", "sha256");
        let either = format!("\"x\", {upper}");
        send_conditional(&api, put, ("if-match", &either), module(2), 200);
        for (header, status) in [
            (("if-match", digest(2)), 200),
            (("if-match", digest(1)), 412),
            (("if-none-match", digest(1)), 200),
            (("if-none-match", digest(2)), 304),
        ] {
            let header = [(header.0, header.1.as_str())];
            let read = api.get_with("/module/d/a", &header);
            assert_eq!(read.status, status, "{header:?}");
            let head = api.send("HEAD", &super::api("/module/d/a"), &header, "");
            assert_eq!(head.status, status, "HEAD {header:?}");
        }
        let remove = ("DELETE", "/module/d/a");
        // The tag of a directory is the tip of the branch.
        let directory = ("DELETE", "/module/d?recursive=true");
        send_conditional(&api, directory, ("if-match", &digest(2)), Vec::new(), 412);
        send_conditional(&api, remove, ("if-match", &digest(1)), Vec::new(), 412);
        send_conditional(&api, remove, ("if-match", &digest(2)), Vec::new(), 200);
        assert_eq!(api.content(), "");
    }
}
