//! Requests exactly as the published clients send them.

use serde_json::json;

use super::{Api, TestResponse, api, digest_of};
use crate::support::store::module;

/// A client that selects a branch with every request.
struct Client<'a>(&'a Api, &'a str);

impl Client<'_> {
    fn send(&self, method: &str, path: &str, body: Vec<u8>) -> TestResponse {
        let branch = [("wasmstore-branch", self.1)];
        self.0.send(method, &api(path), &branch, body)
    }

    fn send_empty(&self, method: &str, path: &str) -> TestResponse {
        self.send(method, path, Vec::new())
    }
}

#[test]
fn requests_of_the_published_clients_are_accepted() {
    let s = Api::new();
    let client = Client(&s, "main");
    let [one, two] = [1, 2].map(|n| s.hash_of(&module(n)));
    // The Go and Python clients join endpoint and argument, which may be empty or start with a slash.
    client.send_empty("GET", "/modules/").is(200, "{}");
    client
        .send("POST", "/module//a.wasm", module(1))
        .is(200, &one);
    let first = client.send_empty("GET", "/snapshot").text().to_owned();
    assert_eq!(first, s.rev("main"));
    client
        .send("POST", "/module/a.wasm", module(2))
        .is(200, &two);
    client
        .send_empty("GET", "/modules/")
        .is(200, &format!(r#"{{"/a.wasm":"{two}"}}"#));
    client
        .send_empty("GET", "/modules//")
        .is(200, &format!(r#"{{"/a.wasm":"{two}"}}"#));
    let found = client.send_empty("GET", "/module//a.wasm");
    assert_eq!((found.status, &found.body[..]), (200, &module(2)[..]));
    found.has("wasmstore-hash", &two);
    client
        .send_empty("GET", &format!("/module/{two}"))
        .has("wasmstore-hash", &two);
    client
        .send_empty("GET", &format!("/module/{}", digest_of(&module(2))))
        .has("wasmstore-hash", &two);
    client.send_empty("GET", "/hash//a.wasm").is(200, &two);
    assert_eq!(client.send_empty("HEAD", "/module//a.wasm").status, 200);
    assert_eq!(client.send_empty("HEAD", "/module//none").status, 404);
    client
        .send_empty("GET", "/module/none")
        .is(404, "there is no module /none");
    client.send_empty("GET", "/hash/none").is(404, "");
    let versions = client.send_empty("GET", "/versions/a.wasm/").json();
    assert_eq!(versions, json!([[one, first], [two, s.rev("main")]]));
    client
        .send_empty("GET", "/versions//a.wasm")
        .is(200, &versions.to_string());
    client
        .send_empty("POST", &format!("/hash/{one}//b.wasm"))
        .is(200, &one);
    client.send_empty("POST", "/rollback//b.wasm").is(200, "");
    client
        .send_empty("POST", &format!("/restore/{first}//a.wasm"))
        .is(200, "");
    assert_eq!(s.content(), "/a.wasm=1");
    client.send_empty("POST", "/rollback/").is(200, "");
    assert_eq!(s.content(), "/a.wasm=2");
    client
        .send_empty("POST", &format!("/restore/{first}/"))
        .is(200, "");
    assert_eq!(s.content(), "/a.wasm=1");
    client.send_empty("DELETE", "/module//a.wasm").is(200, "");
    client
        .send_empty("POST", &format!("/restore/{first}"))
        .is(200, "");
    client
        .send_empty("POST", "/gc")
        .has("content-type", "application/json");
    assert_eq!(s.content(), "/a.wasm=1");
    s.fsck();
}

#[test]
fn a_commit_has_the_fields_that_the_clients_read() {
    let s = Api::new();
    let tip = s.put("a", 1).to_string();
    let body_json = Client(&s, "main")
        .send_empty("GET", &format!("/commit/{tip}"))
        .json();
    let fields: Vec<_> = body_json
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(fields.len(), 5);
    assert!(
        body_json["hash"] == tip && body_json["parents"].is_array() && body_json["date"].is_i64()
    );
    assert!(body_json["author"].is_string() && body_json["message"].is_string());
}

#[test]
fn a_client_can_create_the_branch_that_it_selects() {
    let s = Api::new();
    s.put("a", 1);
    let client = Client(&s, "dev");
    client
        .send_empty("GET", "/modules/")
        .is(404, "there is no branch \"dev\"");
    client.send_empty("POST", "/branch/dev").is(200, "");
    client
        .send("POST", "/module/b", module(2))
        .is(200, &s.rev("dev:b"));
    assert_eq!(s.content(), "/a=1");
    Client(&s, "main")
        .send_empty("POST", "/merge/dev")
        .is(200, "");
    assert_eq!(s.content(), "/a=1 /b=2");
    client.send_empty("DELETE", "/branch/dev").is(200, "");
    client.send_empty("GET", "/branches").is(200, "[\"main\"]");
}

#[test]
fn the_branch_header_is_ignored_where_it_has_no_meaning() {
    let s = Api::new();
    let tip = s.put("a", 1).to_string();
    for branch in ["none", "..", "", "%zz"] {
        let client = Client(&s, branch);
        client.send_empty("GET", "/branch").is(200, "main");
        client.send_empty("GET", "/branch/").is(200, "main");
        client.send_empty("GET", "/branches").is(200, "[\"main\"]");
        client.send_empty("GET", "/branches/").is(200, "[\"main\"]");
        for method in ["GET", "POST", "DELETE", "PUT"] {
            client.send_empty(method, "/auth").is(200, "");
        }
        client
            .send_empty("GET", &format!("/commit/{tip}"))
            .has("wasmstore-commit", &tip);
        client.send_empty("POST", "/branch/new").is(200, "");
        assert_eq!(s.rev("new"), tip);
        client.send_empty("PUT", "/branch/main").is(200, "");
        client.send_empty("DELETE", "/branch/new/").is(200, "");
    }
    // A new branch starts at the default branch, whatever branch the client selects.
    s.git(&["branch", "dev"]);
    s.put_on(Some("dev"), "b", 2);
    Client(&s, "dev")
        .send_empty("POST", "/branch/new")
        .is(200, "");
    assert_eq!(s.rev("new"), tip);
}
