//! The requests that the published clients send, to the letter.

use serde_json::json;

use super::{Answer, Api, api, digest_of};
use crate::support::store::module;

/// A client that works on a branch: it names it with every request.
struct Client<'a>(&'a Api, &'a str);

impl Client<'_> {
    fn ask(&self, method: &str, path: &str, body: Vec<u8>) -> Answer {
        let branch = [("wasmstore-branch", self.1)];
        self.0.send(method, &api(path), &branch, body)
    }

    fn of(&self, method: &str, path: &str) -> Answer {
        self.ask(method, path, Vec::new())
    }
}

#[test]
fn the_forms_of_the_clients_are_understood() {
    let s = Api::new();
    let client = Client(&s, "main");
    let [one, two] = [1, 2].map(|n| s.hash_of(&module(n)));
    // Go and Python join what they are given, which may be nothing, or start with a slash.
    client.of("GET", "/modules/").is(200, "{}");
    client
        .ask("POST", "/module//a.wasm", module(1))
        .is(200, &one);
    let first = client.of("GET", "/snapshot").text().to_owned();
    assert_eq!(first, s.rev("main"));
    client
        .ask("POST", "/module/a.wasm", module(2))
        .is(200, &two);
    client
        .of("GET", "/modules/")
        .is(200, &format!(r#"{{"/a.wasm":"{two}"}}"#));
    client
        .of("GET", "/modules//")
        .is(200, &format!(r#"{{"/a.wasm":"{two}"}}"#));
    let found = client.of("GET", "/module//a.wasm");
    assert_eq!((found.status, &found.body[..]), (200, &module(2)[..]));
    found.has("wasmstore-hash", &two);
    client
        .of("GET", &format!("/module/{two}"))
        .has("wasmstore-hash", &two);
    client
        .of("GET", &format!("/module/{}", digest_of(&module(2))))
        .has("wasmstore-hash", &two);
    client.of("GET", "/hash//a.wasm").is(200, &two);
    assert_eq!(client.of("HEAD", "/module//a.wasm").status, 200);
    assert_eq!(client.of("HEAD", "/module//none").status, 404);
    client
        .of("GET", "/module/none")
        .is(404, "there is no module /none");
    client.of("GET", "/hash/none").is(404, "");
    let versions = client.of("GET", "/versions/a.wasm/").json();
    assert_eq!(versions, json!([[one, first], [two, s.rev("main")]]));
    client
        .of("GET", "/versions//a.wasm")
        .is(200, &versions.to_string());
    client
        .of("POST", &format!("/hash/{one}//b.wasm"))
        .is(200, &one);
    client.of("POST", "/rollback//b.wasm").is(200, "");
    client
        .of("POST", &format!("/restore/{first}//a.wasm"))
        .is(200, "");
    assert_eq!(s.content(), "/a.wasm=1");
    client.of("POST", "/rollback/").is(200, "");
    assert_eq!(s.content(), "/a.wasm=2");
    client.of("POST", &format!("/restore/{first}/")).is(200, "");
    assert_eq!(s.content(), "/a.wasm=1");
    client.of("DELETE", "/module//a.wasm").is(200, "");
    client.of("POST", &format!("/restore/{first}")).is(200, "");
    client
        .of("POST", "/gc")
        .has("content-type", "application/json");
    assert_eq!(s.content(), "/a.wasm=1");
    s.fsck();
}

#[test]
fn a_commit_has_the_fields_that_the_clients_read() {
    let s = Api::new();
    let tip = s.put("a", 1).to_string();
    let told = Client(&s, "main")
        .of("GET", &format!("/commit/{tip}"))
        .json();
    let fields: Vec<_> = told
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(fields.len(), 5);
    assert!(told["hash"] == tip && told["parents"].is_array() && told["date"].is_i64());
    assert!(told["author"].is_string() && told["message"].is_string());
}

#[test]
fn a_client_creates_the_branch_that_it_works_on() {
    let s = Api::new();
    s.put("a", 1);
    let client = Client(&s, "dev");
    client
        .of("GET", "/modules/")
        .is(404, "there is no branch \"dev\"");
    client.of("POST", "/branch/dev").is(200, "");
    client
        .ask("POST", "/module/b", module(2))
        .is(200, &s.rev("dev:b"));
    assert_eq!(s.content(), "/a=1");
    Client(&s, "main").of("POST", "/merge/dev").is(200, "");
    assert_eq!(s.content(), "/a=1 /b=2");
    client.of("DELETE", "/branch/dev").is(200, "");
    client.of("GET", "/branches").is(200, "[\"main\"]");
}

#[test]
fn where_a_branch_means_nothing_it_is_passed_over() {
    let s = Api::new();
    let tip = s.put("a", 1).to_string();
    for named in ["none", "..", "", "%zz"] {
        let client = Client(&s, named);
        client.of("GET", "/branch").is(200, "main");
        client.of("GET", "/branch/").is(200, "main");
        client.of("GET", "/branches").is(200, "[\"main\"]");
        client.of("GET", "/branches/").is(200, "[\"main\"]");
        for method in ["GET", "POST", "DELETE", "PUT"] {
            client.of(method, "/auth").is(200, "");
        }
        client
            .of("GET", &format!("/commit/{tip}"))
            .has("wasmstore-commit", &tip);
        client.of("POST", "/branch/new").is(200, "");
        assert_eq!(s.rev("new"), tip);
        client.of("PUT", "/branch/main").is(200, "");
        client.of("DELETE", "/branch/new/").is(200, "");
    }
    // A new branch begins at the default one, wherever the client works.
    s.git(&["branch", "dev"]);
    s.put_on(Some("dev"), "b", 2);
    Client(&s, "dev").of("POST", "/branch/new").is(200, "");
    assert_eq!(s.rev("new"), tip);
}
