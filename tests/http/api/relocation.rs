//! `/copy`, `/move`, and removing several modules.

use std::sync::Barrier;

use serde_json::json;
use wasmstore::names::Destination;
use wasmstore::store::{ExistingModules, ObjectFormat, Relocation};

use super::Api;
use crate::support::store::{on, path, scope};

fn filled(format: ObjectFormat) -> Api {
    let api = Api::with_format(format);
    for (at, n) in [("a", 1), ("b", 2), ("d/x", 3), ("d/e/y", 4)] {
        api.put(at, n);
    }
    api
}

#[test]
fn modules_and_directories_are_moved_and_copied_in_one_commit() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        for (query, content, subject) in [
            (
                "move?from=a&to=c",
                "/b=2 /c=1 /d/e/y=4 /d/x=3",
                "Move /a to /c",
            ),
            (
                "move?from=a&to=d",
                "/b=2 /d/a=1 /d/e/y=4 /d/x=3",
                "Move /a to /d/a",
            ),
            (
                "move?from=d&to=n/m",
                "/a=1 /b=2 /n/m/e/y=4 /n/m/x=3",
                "Move /d to /n/m",
            ),
            (
                "move?from=d&to=n/",
                "/a=1 /b=2 /n/d/e/y=4 /n/d/x=3",
                "Move /d to /n/d",
            ),
            (
                "move?from=d/e/y&to=/",
                "/a=1 /b=2 /d/x=3 /y=4",
                "Move /d/e/y to /y",
            ),
            (
                "move?from=a&from=d/e&to=n%2F",
                "/b=2 /d/x=3 /n/a=1 /n/e/y=4",
                "Move 2 paths to /n",
            ),
            (
                "move?from=a&to=b&force=true",
                "/b=1 /d/e/y=4 /d/x=3",
                "Move /a to /b",
            ),
            (
                "copy?from=a&to=c",
                "/a=1 /b=2 /c=1 /d/e/y=4 /d/x=3",
                "Copy /a to /c",
            ),
            (
                "copy?from=d&from=a&to=d/e",
                "/a=1 /b=2 /d/e/a=1 /d/e/y=4 /d/x=3",
                "",
            ),
            (
                "copy?from=d/e&to=d/f",
                "/a=1 /b=2 /d/e/y=4 /d/f/y=4 /d/x=3",
                "Copy /d/e to /d/f",
            ),
        ] {
            let api = filled(format);
            let before = api.rev("main");
            let response = api.post(&format!("/{query}"), "");
            if subject.is_empty() {
                response.is(
                    409,
                    "cannot copy /d to /d/e/d: the destination is below the source",
                );
                continue;
            }
            response
                .is(200, "")
                .has("wasmstore-commit", &api.rev("main"));
            assert_eq!(api.content(), content, "{query}");
            assert_eq!((api.rev("main^"), &*api.subjects()[0]), (before, subject));
            api.fsck();
        }
    }
}

#[test]
fn relocations_that_would_lose_a_module_or_make_no_sense_change_nothing() {
    let api = filled(ObjectFormat::Sha1);
    api.put("f/d/x", 5);
    let state = api.state();
    for (query, status, detail) in [
        ("move?from=none&to=c", 404, "there is no module /none"),
        ("move?from=a&to=b", 409, "there is a module at /b already"),
        (
            "copy?from=d&to=f",
            409,
            "there is a module at /f/d/x already",
        ),
        (
            "move?from=a&to=b/",
            409,
            "/b/a cannot be written: /b is a module",
        ),
        (
            "move?from=d&to=b&force=true",
            409,
            "/b/e/y cannot be written: /b is a module",
        ),
        (
            "move?from=a&to=a",
            409,
            "cannot move /a to /a: they are the same path",
        ),
        (
            "move?from=d/x&to=d",
            409,
            "cannot move /d/x to /d/x: they are the same path",
        ),
        (
            "move?from=d&to=d/n",
            409,
            "cannot move /d to /d/n: the destination is below the source",
        ),
        (
            "move?from=/&to=n/",
            409,
            "cannot move / to /n: it is the whole tree",
        ),
        (
            "copy?from=a&from=b&to=n",
            409,
            "cannot copy 2 paths to /n: it is not a directory; end it with a slash to create one",
        ),
        (
            "copy?from=d/x&from=f/d/x&to=n/",
            409,
            "cannot copy /f/d/x to /n/x: another source has the same destination",
        ),
        (
            "move?from=d&from=d/x&to=n/",
            409,
            "cannot move /d/x to /n/x: two of the sources contain it",
        ),
        ("move?to=c", 400, "`from` is missing or empty"),
        ("move?from=a", 400, "`to` is missing or empty"),
        (
            "move?from=a&to=b&to=c",
            400,
            "the parameter `to` must be given once",
        ),
        (
            "move?from=a&to=c&force=1",
            400,
            "`force` must be `true` or `false`",
        ),
        (
            "move?from=a&to=c&branch=main",
            400,
            "`branch` and `commit` are query parameters of reads: select the branch with the header Wasmstore-Branch",
        ),
    ] {
        api.post(&format!("/{query}"), "").is(status, detail);
    }
    assert_eq!(api.post("/move?from=a&to=.git/x", "").status, 400);
    let many = "from=a&".repeat(1001);
    assert_eq!(api.post(&format!("/move?{many}to=n/"), "").status, 400);
    let json = [("accept", "application/json")];
    let problem = api.send_empty("POST", "/move?from=a&to=b", &json).json();
    assert_eq!(problem["paths"], json!(["/b"]));
    assert_eq!(api.state(), state);
}

#[test]
fn several_names_and_globs_are_removed_in_one_commit() {
    let hash = |api: &Api| api.get("/hash/b").text().to_owned();
    for (query, content, subject) in [
        ("name=a&name=d/x", "/b=2 /d/e/y=4", "Remove 2 modules"),
        ("name=d/*", "/a=1 /b=2 /d/e/y=4", "Remove d/*"),
        ("name=d/*&recursive=true", "/a=1 /b=2", "Remove d/*"),
        ("name=d/**", "/a=1 /b=2", "Remove d/**"),
        ("name=[ab]&name=HASH", "/d/e/y=4 /d/x=3", "Remove 2 modules"),
        (
            "name=d&name=d/x&recursive=true",
            "/a=1 /b=2",
            "Remove 2 modules",
        ),
    ] {
        let api = filled(ObjectFormat::Sha1);
        let query = query.replace("HASH", &hash(&api));
        let before = api.rev("main");
        api.delete(&format!("/modules?{query}")).is(200, "");
        assert_eq!(api.content(), content, "{query}");
        assert_eq!((api.rev("main^"), &*api.subjects()[0]), (before, subject));
        api.fsck();
    }
    let api = filled(ObjectFormat::Sha1);
    let state = api.state();
    let refused = "/d/e is a directory and was not removed, because the removal is not recursive";
    for (query, status, detail) in [
        ("name=a&name=none*", 404, "no module matches none*"),
        ("name=a&name=none", 404, "there is no module /none"),
        ("name=d/e*", 409, refused),
        ("name=a&name=d/e", 409, refused),
        ("", 400, "`name` is missing or empty"),
        ("name=", 400, "`name` is missing or empty"),
        ("recursive=true", 400, "`name` is missing or empty"),
        (
            "name=a&recursive=yes",
            400,
            "`recursive` must be `true` or `false`",
        ),
    ] {
        api.delete(&format!("/modules?{query}")).is(status, detail);
    }
    assert_eq!(api.state(), state);
}

#[test]
fn a_path_with_a_wildcard_wins_over_the_glob() {
    let api = Api::new();
    for (at, n) in [("x*", 1), ("xy", 2), ("*", 3)] {
        api.put(at, n);
    }
    api.delete("/modules?name=x*").is(200, "");
    assert_eq!(api.content(), "/*=3 /xy=2");
    api.delete("/modules?name=x*").is(200, "");
    assert_eq!(api.content(), "/*=3");
}

#[test]
fn preconditions_are_about_the_only_source_or_the_tree() {
    let api = filled(ObjectFormat::Sha1);
    let tag = |text: &str| format!("\"{text}\"");
    let (a, tip) = (tag(api.get("/hash/a").text()), tag(&api.rev("main")));
    let state = api.state();
    for (method, query, value) in [
        ("POST", "/move?from=a&to=c", &tip),
        ("POST", "/copy?from=a&from=b&to=n/", &a),
        ("DELETE", "/modules?name=a&name=b", &a),
    ] {
        let response = api.send_empty(method, query, &[("if-match", value)]);
        assert_eq!(response.status, 412, "{query}");
    }
    assert_eq!(api.state(), state);
    api.send_empty("POST", "/move?from=a&to=c", &[("if-match", &a)])
        .is(200, "");
    let tip = tag(&api.rev("main"));
    api.send_empty("DELETE", "/modules?name=b&name=c", &[("if-match", &tip)])
        .is(200, "");
    assert_eq!(api.content(), "/d/e/y=4 /d/x=3");
}

#[test]
fn a_key_needs_delete_for_a_move() {
    let api = Api::with_keys("reader:GET\nadder:GET,POST\nall:*");
    api.put("a", 1);
    let by = |key| [("wasmstore-auth", key)];
    for (key, method, query, status) in [
        ("reader", "POST", "/copy?from=a&to=b", 403),
        ("adder", "POST", "/copy?from=a&to=b", 200),
        ("adder", "POST", "/move?from=a&to=c", 403),
        ("adder", "DELETE", "/modules?name=a", 403),
        ("all", "POST", "/move?from=a&to=c", 200),
        ("all", "DELETE", "/modules?name=a*&name=b", 404),
        ("all", "DELETE", "/modules?name=c&name=b", 200),
    ] {
        let response = api.send_empty(method, query, &by(key));
        assert_eq!(response.status, status, "{key} {query}");
    }
}

/// Every change moves, copies or removes what is there when it is published, so nothing that another writer has put is lost.
#[test]
fn concurrent_relocations_lose_nothing() {
    const COUNT: u32 = 12;
    let api = Api::new();
    for n in 0..COUNT {
        api.put(&format!("in/{n}"), n);
    }
    let relocation = Relocation {
        sources: vec![scope("in").into()],
        destination: Destination::parse("out").unwrap(),
        existing: ExistingModules::Refuse,
    };
    let (store, start) = (&api.store, &Barrier::new(2));
    std::thread::scope(|threads| {
        threads.spawn(|| {
            start.wait();
            for n in COUNT..2 * COUNT {
                let module = crate::support::store::module(n);
                let at = path(&format!("in/{n}"));
                store.put(&on(None), &at, module.as_slice()).unwrap();
            }
        });
        threads.spawn(|| {
            start.wait();
            store.move_modules(&on(None), &relocation).unwrap();
        });
    });
    let values: std::collections::BTreeSet<_> = api
        .content()
        .split(' ')
        .map(|one| one.split_once('=').unwrap().1.parse::<u32>().unwrap())
        .collect();
    assert_eq!(values, (0..2 * COUNT).collect());
}

/// Sends a JSON body.
fn send_json(api: &Api, path: &str, json: &serde_json::Value) -> super::TestResponse {
    let headers = [("content-type", "application/json; charset=utf-8")];
    api.send(
        "POST",
        &format!("/api/v1{path}"),
        &headers,
        json.to_string(),
    )
}

#[test]
fn a_body_has_the_parameters_of_a_relocation_or_a_removal() {
    let api = filled(ObjectFormat::Sha1);
    let body = json!({ "from": ["a", "b"], "to": "n/" });
    send_json(&api, "/copy", &body).is(200, "");
    assert_eq!(api.content(), "/a=1 /b=2 /d/e/y=4 /d/x=3 /n/a=1 /n/b=2");
    let body = json!({ "from": ["d"], "to": "f", "force": false });
    send_json(&api, "/move", &body).is(200, "");
    let body = json!({ "name": ["n/*", "f"], "recursive": true });
    send_json(&api, "/remove", &body)
        .is(200, "")
        .has("wasmstore-commit", &api.rev("main"));
    assert_eq!(api.content(), "/a=1 /b=2");
    assert_eq!(api.subjects()[0], "Remove 4 modules");
    // A body of another type is ignored, as before there were bodies.
    api.post("/copy?from=a&to=c", "{}").is(200, "");
    api.fsck();
}

#[test]
fn malformed_bodies_of_a_relocation_or_a_removal_change_nothing() {
    let api = filled(ObjectFormat::Sha1);
    let state = api.state();
    let many: Vec<_> = (0..10_001).map(|n| format!("m{n}")).collect();
    for (path, body, status) in [
        ("/copy?to=x", json!({ "from": ["a"], "to": "n/" }), 400),
        ("/copy", json!({ "from": [], "to": "n/" }), 400),
        ("/copy", json!({ "from": [""], "to": "n/" }), 400),
        ("/copy", json!({ "from": ["a"] }), 400),
        ("/move", json!({ "from": "a", "to": "c" }), 400),
        (
            "/move",
            json!({ "from": ["a"], "to": "c", "forced": true }),
            400,
        ),
        ("/remove", json!({ "name": many }), 400),
        ("/remove", json!({ "name": ["a", "none"] }), 404),
        ("/remove", json!({ "name": ["d"] }), 409),
        (
            "/remove",
            json!({ "name": ["a", "x".repeat(1 << 20)] }),
            413,
        ),
    ] {
        let response = send_json(&api, path, &body);
        assert_eq!(response.status, status, "{path}: {}", response.text());
    }
    assert_eq!(api.post("/remove", "").status, 400);
    assert_eq!(api.state(), state);
    let ten_thousand: Vec<_> = (0..9_999).map(|_| "b").chain(["a"]).collect();
    send_json(&api, "/remove", &json!({ "name": ten_thousand })).is(200, "");
    assert_eq!(api.content(), "/d/e/y=4 /d/x=3");
}

#[test]
fn an_empty_body_and_null_are_no_body() {
    let api = filled(ObjectFormat::Sha1);
    let json = [("content-type", "application/json")];
    let uri = |query: &str| format!("/api/v1{query}");
    let copied = api.send("POST", &uri("/copy?from=a&to=c"), &json, "");
    copied.is(200, "");
    let moved = api.send("POST", &uri("/move?from=b&to=e"), &json, "null");
    moved.is(200, "");
    assert_eq!(api.content(), "/a=1 /c=1 /d/e/y=4 /d/x=3 /e=2");
    for body in ["", "null"] {
        let refused = api.send("POST", &uri("/remove"), &json, body);
        refused.is(400, "the request needs a body of the type application/json");
        let refused = api.send("POST", &uri("/copy"), &json, body);
        refused.is(400, "`to` is missing or empty");
    }
}

#[test]
fn the_number_of_different_globs_is_limited() {
    let api = filled(ObjectFormat::Sha1);
    let state = api.state();
    let globs = |count: usize| -> Vec<_> { (0..count).map(|n| format!("*{n}")).collect() };
    for (path, key, mut body) in [
        ("/copy", "from", json!({ "to": "n/" })),
        ("/move", "from", json!({ "to": "n/" })),
        ("/remove", "name", json!({})),
    ] {
        body[key] = globs(101).into();
        let detail = format!(
            "more than 100 `{key}` are globs: name directories instead, or send several requests"
        );
        send_json(&api, path, &body).is(400, &detail);
        body[key] = globs(100).into();
        send_json(&api, path, &body).is(404, "no module matches *0");
    }
    let query = globs(101).join("&name=");
    let refused = api.send_empty("DELETE", &format!("/modules?name={query}"), &[]);
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert_eq!(api.state(), state);
    // A glob that is given twice counts once.
    let body = json!({ "from": vec!["d/*"; 1000], "to": "n/" });
    send_json(&api, "/copy", &body).is(200, "");
    let body = json!({ "name": vec!["d/x*"; 10_000] });
    send_json(&api, "/remove", &body).is(200, "");
    assert_eq!(api.content(), "/a=1 /b=2 /d/e/y=4 /n/e/y=4 /n/x=3");
}
