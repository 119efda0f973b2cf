//! `/gc`, `/auth`, and the endpoints for operation.

use serde_json::{Value, json};
use wasmstore::store::ObjectFormat;

use super::Api;
use crate::support::store::module;

#[test]
fn gc_squashes_the_history_and_deletes_unreachable_objects() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let api = Api::with_format(format);
        for n in [1, 2, 3] {
            api.put("a", n);
        }
        let before = api.rev("main");
        let response = api.post("/gc", "");
        let tip = api.rev("main");
        response
            .has("content-type", "application/json")
            .has("wasmstore-commit", &tip);
        let body_json = response.json();
        assert_eq!((response.status, &body_json["commit"]), (200, &json!(tip)));
        assert_eq!(body_json.as_object().unwrap().len(), 5);
        // Two modules, two trees with them, the root commit's tree, and four commits.
        assert_eq!(body_json["removed"], 9, "{body_json}");
        assert!(body_json["freed_bytes"].is_u64(), "{body_json}");
        assert_eq!(api.git(&["log", "--format=%s|%P"]), "GC|\n");
        assert_eq!(api.content(), "/a=3");
        assert_eq!(api.get(&format!("/commit/{before}")).status, 404);
        let again = api.post("/gc", "").json();
        assert_eq!(
            (&again["removed"], &again["commit"]),
            (&json!(0), &json!(tip))
        );
        api.fsck();
    }
}

#[test]
fn gc_keeps_the_history_on_request() {
    let api = Api::new();
    api.put("a", 1);
    let tip = api.put("a", 2).to_string();
    api.post("/branch/dev", "").is(200, "");
    api.put_on(Some("dev"), "b", 3);
    api.delete("/branch/dev").is(200, "");
    let body_json = api.post("/gc?keep_history=true", "").json();
    assert_eq!(
        (&body_json["removed"], &body_json["commit"]),
        (&json!(3), &json!(tip))
    );
    assert_eq!(api.subjects().len(), 3);
    for malformed in ["", "1", "yes"] {
        let response = api.post(&format!("/gc?keep_history={malformed}"), "");
        assert_eq!(response.status, 400);
        assert!(
            response.text().contains("keep_history"),
            "{}",
            response.text()
        );
    }
    let none = [("wasmstore-branch", "none")];
    api.send_empty("POST", "/gc", &none)
        .is(404, "there is no branch \"none\"");
    let by = [
        ("wasmstore-author", "Ann <a@x>"),
        ("wasmstore-message", "Squash all"),
    ];
    assert_eq!(
        api.send_empty("POST", "/gc?keep_history=false", &by).status,
        200
    );
    assert_eq!(
        api.git(&["log", "-1", "--format=%an <%ae> %s"]),
        "Ann <a@x> Squash all\n"
    );
    api.fsck();
}

#[test]
fn gc_drops_old_versions_of_some_paths() {
    let api = Api::new();
    for n in [1, 2, 3] {
        api.put("ci/a", n);
        api.put("b", n);
    }
    let tip = api.rev("main");
    let size: usize = [1, 2].iter().map(|n| module(*n).len()).sum();
    let preview = json!({ "branch": "main", "commits": 2, "versions": 2, "module_bytes": size });
    let drops = "/gc?keep_last=1&path=ci&path=ci/a";
    let response = api.post(&format!("{drops}&dry_run=true"), "");
    assert_eq!((response.status, response.json()), (200, preview));
    assert_eq!(api.rev("main"), tip);
    let dropped = api.post(drops, "").json();
    assert_eq!(dropped["commit"], json!(api.rev("main")));
    let versions = |at: &str| {
        api.get(&format!("/versions/{at}"))
            .json()
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!((versions("ci/a"), versions("b")), (1, 3));
    assert_eq!(api.content(), "/b=3 /ci/a=3");
    for (query, detail) in [
        ("keep_last=0", "keep_last must be at least 1"),
        ("keep_last=-1", "keep_last"),
        ("keep_since=soon", "\"soon\" is neither a date nor an age"),
        ("keep_tags=maybe", "keep_tags"),
        ("keep_lst=5", "there is no parameter \"keep_lst\""),
        ("path=a", "path needs keep_last, keep_since or keep_tags"),
        ("keep_last=1&path=../a", "path segment"),
        (
            "keep_history=true&keep_last=1",
            "keep_history keeps all versions",
        ),
    ] {
        let response = api.post(&format!("/gc?{query}"), "");
        let text = response.text().to_owned();
        assert_eq!(response.status, 400, "{query}: {text}");
        assert!(text.contains(detail), "{query}: {text}");
    }
    let many = "&path=a".repeat(1001);
    let response = api.post(&format!("/gc?keep_last=1{many}"), "");
    response.is(400, "there are more than 1000 paths");
    let unknown = api.post("/gc?keep_last=1&path=never", "");
    unknown.is(404, "there has never been anything at /never");
    api.fsck();
}

#[test]
fn gc_reports_which_refs_keep_old_versions() {
    let api = Api::new();
    for n in [1, 2, 3] {
        api.put("a", n);
    }
    api.post("/tag/v1", "").is(200, "");
    api.post("/branch/dev", "").is(200, "");
    api.put("a", 4);
    let kept = json!({
        "versions": 3, "branches": ["dev"], "tags": ["v1"], "others": [], "left_out": 0
    });
    for query in ["keep_last=1&dry_run=true", "keep_last=1"] {
        let response = api.post(&format!("/gc?{query}"), "").json();
        assert_eq!(response["kept_for_refs"], kept, "{query}: {response}");
    }
    for query in ["keep_last=4", "keep_history=true", "dry_run=true"] {
        let response = api.post(&format!("/gc?{query}"), "").json();
        assert_eq!(response.get("kept_for_refs"), None, "{query}: {response}");
    }
    api.fsck();
}

#[test]
fn without_keys_every_method_is_allowed() {
    let api = Api::new();
    for method in [
        "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW",
    ] {
        api.send_empty(method, "/auth", &[]).is(200, "");
    }
}

#[test]
fn health_and_metrics_are_served() {
    let s = Api::new();
    for path in ["/healthz", "/readyz"] {
        s.send("GET", path, &[], "").is(200, "ok");
    }
    s.post("/module/a", module(1));
    let metrics = s.send("GET", "/metrics", &[], "");
    assert_eq!(metrics.status, 200);
    for name in [
        "commits_total",
        "connections_refused_total",
        "queue_depth",
        "memory_used_bytes",
        "memory_limit_bytes",
        "memory_waiting",
    ] {
        let line = format!("\nwasmstore_{name} ");
        assert!(metrics.text().contains(&line), "{line}{}", metrics.text());
    }
}

#[test]
fn the_openapi_description_states_whether_a_key_is_needed() {
    let response = Api::new().get("/openapi.json");
    response.has("content-type", "application/json");
    let described = response.json();
    assert_eq!(described["openapi"], "3.1.0");
    let module = &described["paths"]["/api/v1/module/{name}"];
    assert_eq!(module.as_object().unwrap().len(), 4, "{module}");
    let needs_none = |described: &Value| described["security"][0] == serde_json::json!({});
    assert!(needs_none(&described));
    let keyed = Api::with_keys("reader:GET");
    let described = keyed.get_with("/openapi.json", &[("wasmstore-auth", "reader")]);
    assert!(!needs_none(&described.json()));
}
