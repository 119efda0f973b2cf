//! The OpenAPI description, compared with the routes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::routing::routes;
use super::{Api, api};

const METHODS: [&str; 6] = ["get", "head", "post", "put", "patch", "delete"];

/// Returns method, path and id of each operation.
fn operations(document: &Value) -> Vec<(&'static str, String, String)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                let id = operation["operationId"].as_str().unwrap();
                operations.push((method, path.clone(), id.to_owned()));
            }
        }
    }
    operations
}

/// Returns whether a path of the description matches a URL.
fn matches(described: &str, path: &str) -> bool {
    let (mut described, mut path) = (described.split('/').peekable(), path.split('/'));
    loop {
        match (described.next(), path.next()) {
            (None, None) => return true,
            (Some(name), Some(_)) if name.starts_with('{') && described.peek().is_none() => {
                return true;
            }
            (Some(name), Some(_)) if name.starts_with('{') => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

#[test]
fn every_described_operation_is_routed() {
    let s = Api::new();
    let operations = operations(&s.get("/openapi.json").json());
    assert!(operations.len() > 30, "{operations:?}");
    for (method, path, _) in &operations {
        let uri = path.replace(['{', '}'], "");
        let response = s.send(&method.to_uppercase(), &uri, &[], "");
        let is_routed = response.status != 405 && response.text() != "there is no such endpoint";
        assert!(is_routed, "{method} {path}");
    }
}

#[test]
fn every_route_is_described() {
    let s = Api::new();
    let operations = operations(&s.get("/openapi.json").json());
    let api_routes = routes("0").into_iter().chain([
        ("/watch".to_owned(), "GET"),
        ("/auth".to_owned(), "GET,POST,PUT,DELETE"),
        ("/uploads".to_owned(), "POST"),
        ("/uploads/x".to_owned(), "GET,PATCH,PUT,DELETE"),
    ]);
    let operational = ["/healthz", "/readyz", "/metrics"].map(|path| (path.to_owned(), "GET"));
    for (path, allowed) in api_routes
        .map(|(path, allowed)| (api(&path), allowed))
        .chain(operational)
    {
        // The router derives HEAD from GET.
        for method in allowed.split(',').filter(|method| *method != "HEAD") {
            let is_described = operations.iter().any(|(described, template, _)| {
                // `POST /hash` is described with two names.
                described.eq_ignore_ascii_case(method)
                    && (matches(template, &path) || matches(template, &format!("{path}/x")))
            });
            assert!(is_described, "{method} {path}");
        }
    }
}

#[test]
fn the_server_is_relative_to_the_document() {
    let document = Api::new().get("/openapi.json").json();
    assert_eq!(document["servers"][0]["url"], "../../");
}

#[test]
fn entity_tags_of_lists_are_described() {
    let document = Api::new().get("/openapi.json").json();
    let mut lists = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let is_list = ["/modules", "/versions/", "/commits"]
            .iter()
            .any(|list| path.contains(list));
        if is_list {
            assert!(
                item["get"]["responses"]["304"]["headers"]["ETag"].is_object(),
                "{path}"
            );
            assert!(
                item["get"]["parameters"]
                    .to_string()
                    .contains("If-None-Match"),
                "{path}"
            );
            lists += 1;
        }
    }
    assert_eq!(lists, 5);
}

#[test]
fn operation_ids_are_unique() {
    let operations = operations(&Api::new().get("/openapi.json").json());
    let ids: BTreeSet<_> = operations.iter().map(|(.., id)| id).collect();
    assert_eq!(ids.len(), operations.len(), "{ids:?}");
}

#[test]
fn all_references_resolve() {
    let keyed = Api::with_keys("reader:GET");
    for response in [
        Api::new().get("/openapi.json"),
        keyed.get_with("/openapi.json", &[("wasmstore-auth", "reader")]),
    ] {
        let document = response.json();
        let references: BTreeSet<_> = response
            .text()
            .split(r##""$ref":"#"##)
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap())
            .collect();
        assert!(references.len() > 30, "{references:?}");
        for reference in references {
            assert!(document.pointer(reference).is_some(), "{reference}");
        }
    }
}

#[test]
fn a_rollback_of_nothing_is_a_described_conflict() {
    let s = Api::new();
    let document = s.get("/openapi.json").json();
    for path in ["/api/v1/rollback", "/api/v1/rollback/{path}"] {
        let responses = &document["paths"][path]["get"]["responses"];
        assert!(responses.get("409").is_some(), "{path}: {responses}");
    }
    s.get("/rollback").is(409, "nothing to roll back");
}
