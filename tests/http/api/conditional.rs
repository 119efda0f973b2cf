//! Entity tags and preconditions, of reads and of changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::{Body, Bytes};
use axum::http::Request;
use wasmstore::store::ObjectFormat;

use super::{Api, HOST, api, digest_of};
use crate::support::store::module;

#[test]
fn a_client_that_has_it_is_told_so() {
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
        let answer = api.read("/module/a", &[("if-none-match", &tags)]);
        assert_eq!(answer.status, status, "{tags}");
        if status == 304 {
            assert_eq!(answer.body, Bytes::new());
            answer
                .has("etag", &format!("\"{hash}\""))
                .has("wasmstore-commit", &tip)
                .has("cache-control", "no-cache")
                .has(
                    "vary",
                    "Accept-Encoding, Wasmstore-Branch, Wasmstore-Commit",
                );
        }
    }
    let by_hash = api.read(&format!("/module/{hash}"), &[("if-none-match", "*")]);
    by_hash
        .is(304, "")
        .has("cache-control", "public, max-age=31536000, immutable")
        .lacks("wasmstore-commit");
    // What is not there is not there, whatever is asked for.
    api.read("/module/none", &[("if-none-match", "*")])
        .is(404, "there is no module /none");
}

#[test]
fn a_read_may_insist_on_what_is_there() {
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
        let answer = api.read("/module/a", &[("if-match", &tags)]);
        assert_eq!(answer.status, status, "{tags}");
    }
    let refused = api.read("/module/a", &[("if-match", "\"x\"")]);
    refused.is(412, &format!("the precondition failed: it is {hash}"));
}

/// Does `request` with a precondition, and expects the status.
fn ask(api: &Api, (method, path): (&str, &str), header: (&str, &str), body: Vec<u8>, status: u16) {
    let before = api.state();
    let answer = api.send(method, &super::api(path), &[header], body);
    assert_eq!(
        answer.status,
        status,
        "{method} {path} {header:?}: {}",
        answer.text()
    );
    if status == 412 {
        assert!(
            answer.text().starts_with("the precondition failed: "),
            "{}",
            answer.text()
        );
        assert_eq!(api.state(), before, "{method} {path} {header:?}");
    }
}

#[test]
fn a_put_may_insist_on_what_is_there() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let api = Api::with_format(format);
        let put = ("POST", "/module/a");
        let tag = |n| format!("\"{}\"", api.hash_of(&module(n)));
        ask(&api, put, ("if-match", "*"), module(1), 412);
        ask(&api, put, ("if-match", &tag(1)), module(1), 412);
        ask(&api, put, ("if-none-match", "*"), module(1), 200);
        // Also where the content would be equal.
        ask(&api, put, ("if-none-match", "*"), module(1), 412);
        ask(&api, put, ("if-none-match", &tag(1)), module(1), 412);
        ask(
            &api,
            put,
            ("if-none-match", &format!("W/{}", tag(1))),
            module(2),
            412,
        );
        ask(&api, put, ("if-match", &tag(2)), module(1), 412);
        ask(
            &api,
            put,
            ("if-match", &format!("W/{}", tag(1))),
            module(2),
            412,
        );
        ask(&api, put, ("if-match", "W/\"x\", y"), module(2), 400);
        ask(
            &api,
            put,
            ("if-match", &format!("\"x\" , {}", tag(1))),
            module(2),
            200,
        );
        let form = format!("\"{}-gzip\"", api.hash_of(&module(2)));
        ask(&api, put, ("if-match", &form), module(3), 200);
        ask(&api, put, ("if-none-match", &tag(1)), module(4), 200);
        ask(&api, put, ("if-match", "*"), module(4), 200);
        assert_eq!(api.content(), "/a=4");
    }
}

#[test]
fn every_change_of_one_path_takes_preconditions() {
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
        ask(
            &api,
            change,
            ("if-match", &format!("\"{hash}\"")),
            Vec::new(),
            412,
        );
        ask(&api, change, ("if-none-match", &now), Vec::new(), 412);
        ask(&api, change, ("if-none-match", "*"), Vec::new(), 412);
        ask(&api, change, ("if-match", &now), Vec::new(), 200);
        ask(&api, change, ("if-match", &now), Vec::new(), 412);
        api.put("a", 2);
    }
    api.fsck();
}

#[test]
fn the_tag_of_a_removal_by_hash_is_that_hash() {
    let api = Api::new();
    api.put("a", 1);
    api.put("b", 1);
    let hash = api.hash_of(&module(1));
    for name in [hash.clone(), digest_of(&module(1))] {
        let path = format!("/module/{name}");
        let change = ("DELETE", &*path);
        ask(
            &api,
            change,
            ("if-match", &format!("\"{}\"", api.tip())),
            Vec::new(),
            412,
        );
        ask(
            &api,
            change,
            ("if-none-match", &format!("\"{hash}\"")),
            Vec::new(),
            412,
        );
        ask(&api, change, ("if-none-match", "*"), Vec::new(), 412);
        ask(
            &api,
            change,
            ("if-match", &format!("\"{hash}\"")),
            Vec::new(),
            200,
        );
        assert_eq!(api.content(), "");
        ask(&api, change, ("if-match", "*"), Vec::new(), 412);
        api.put("a", 1);
    }
}

#[test]
fn changes_of_more_than_one_path_are_compared_with_the_tip() {
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
        ask(&api, change, ("if-match", &stale), Vec::new(), 412);
        ask(&api, change, ("if-none-match", &tip), Vec::new(), 412);
        ask(&api, change, ("if-none-match", "*"), Vec::new(), 412);
        ask(&api, change, ("if-match", &tip), Vec::new(), 200);
        api.put("d/a", 2);
    }
    api.fsck();
}

/// A put whose body notes that it was asked for.
fn untouched(api: &Api, uri: &str, headers: &[(&str, &str)]) -> (u16, bool) {
    let touched = Arc::new(AtomicBool::new(false));
    let note = Arc::clone(&touched);
    let body = futures_util::stream::once(async move {
        note.store(true, Ordering::SeqCst);
        Ok::<_, std::io::Error>(Bytes::from(module(9)))
    });
    let mut request = Request::post(uri).header("host", HOST);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = api.ask(request.body(Body::from_stream(body)).unwrap());
    (answer.status, touched.load(Ordering::SeqCst))
}

#[test]
fn what_is_refused_by_the_head_alone_is_refused_before_the_body() {
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
        (&api("/modules"), ("x", "y"), 405),
    ] {
        assert_eq!(
            untouched(&s, uri, &[header]),
            (status, false),
            "{uri} {header:?}"
        );
    }
    assert_eq!(untouched(&s, &a, &[]), (200, true));
    let locked = Api::with_keys("reader:GET");
    assert_eq!(untouched(&locked, &a, &[]), (401, false));
    assert_eq!(
        untouched(&locked, &a, &[("wasmstore-auth", "reader")]),
        (403, false)
    );
}

#[test]
fn of_many_that_insist_on_nothing_being_there_one_gets_it() {
    let s = Api::new();
    let put = |n| {
        let insisting = [("if-none-match", "*")];
        s.send("POST", &api("/module/a"), &insisting, module(n))
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
