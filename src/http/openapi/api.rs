//! The list of what the description holds, and its text.

use std::sync::LazyLock;

use utoipa::OpenApi;

use super::shared::{self, Shared};
use crate::http::routes::{admin, branches, hashes, history, modules, operation, versions, watch};
use crate::wire::Problem;
use crate::wire::schema::{CommitHashSchema, DigestSchema, HashSchema, VersionSchema};

/// The API.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "wasmstore",
        description = "A store for WebAssembly modules: content-addressed, versioned, validated, and a git repository underneath.",
        license(name = "MIT", identifier = "MIT"),
    ),
    servers((url = "/")),
    paths(
        modules::list_all,
        modules::list,
        modules::get,
        modules::put,
        modules::remove,
        hashes::get,
        hashes::set,
        hashes::info,
        versions::list,
        versions::get,
        history::commits_all,
        history::commits,
        history::snapshot,
        history::commit,
        history::restore_all,
        history::restore,
        history::rollback_all,
        history::rollback,
        branches::default,
        branches::list,
        branches::set_default,
        branches::create,
        branches::delete,
        branches::merge,
        admin::gc,
        admin::auth,
        watch::watch,
        operation::openapi,
        operation::healthz,
        operation::readyz,
        operation::metrics,
    ),
    components(schemas(HashSchema, DigestSchema, CommitHashSchema, VersionSchema, Problem)),
    modifiers(&Shared),
)]
struct Api;

/// The description as JSON, of a server with keys or without.
pub(in crate::http) fn text(is_keyed: bool) -> &'static str {
    static TEXTS: LazyLock<[String; 2]> = LazyLock::new(|| [false, true].map(described));
    &TEXTS[usize::from(is_keyed)]
}

fn described(is_keyed: bool) -> String {
    let mut api = Api::openapi();
    api.security = Some(shared::requirements(is_keyed));
    api.to_json().expect("BUG: plain data is JSON")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::http::Method;

    use super::*;

    const ROUTER: &str = include_str!("../router.rs");

    /// The routes that stand in the router's text, with their methods; those that only refuse are none.
    fn routes() -> Vec<(Method, String)> {
        let text = ROUTER.split("\nfn routes()").nth(1).unwrap();
        let (api, rest) = text.split_once(".nest(\"/api/v1\", api)").unwrap();
        let mut routes = Vec::new();
        for (prefix, text) in [("/api/v1", api), ("", rest)] {
            for route in text.split(".route(").skip(1) {
                let path = route.split('"').nth(1).unwrap();
                for method in ["get", "post", "put", "delete"] {
                    let called = |text: &str| {
                        let before = text.chars().next_back();
                        !before.is_none_or(|c| c == ':' || c.is_alphanumeric())
                    };
                    let call = format!("{method}(");
                    let calls = route.match_indices(&call);
                    let any = route.contains("any(") && !route.contains("nameless");
                    if any || calls.map(|(at, _)| &route[..at]).any(called) {
                        let method = Method::from_bytes(method.to_uppercase().as_bytes());
                        routes.push((method.unwrap(), format!("{prefix}{path}")));
                    }
                }
            }
        }
        // What git speaks there is git's to describe.
        routes.retain(|(_, path)| !path.starts_with("/wasmstore.git/"));
        routes
    }

    /// Whether a route of the router takes what is described.
    fn takes(route: &str, described: &str) -> bool {
        let (mut route, mut described) = (route.split('/'), described.split('/'));
        loop {
            match (route.next(), described.next()) {
                (None, None) => return true,
                (Some(rest), Some(_)) if rest.starts_with("{*") => return true,
                (Some(one), Some(other)) if one.starts_with('{') && other.starts_with('{') => {}
                (Some(one), Some(other)) if one == other => {}
                _ => return false,
            }
        }
    }

    fn operations() -> Vec<(Method, String, String)> {
        let mut api = Api::openapi();
        let paths = api.paths.paths.iter_mut();
        paths
            .flat_map(|(path, item)| {
                shared::operations(item).map(|(method, operation)| {
                    (
                        method,
                        path.clone(),
                        operation.operation_id.clone().unwrap(),
                    )
                })
            })
            .collect()
    }

    #[test]
    fn what_is_routed_is_described_and_what_is_described_is_routed() {
        let (routes, operations) = (routes(), operations());
        assert!(routes.len() > 30, "{routes:?}");
        for (method, route) in &routes {
            let is_described = operations
                .iter()
                .any(|(other, path, _)| other == method && takes(route, path));
            assert!(is_described, "{method} {route} is not described");
        }
        for (method, path, _) in &operations {
            let method = match *method {
                Method::HEAD => &Method::GET,
                _ => method,
            };
            let is_routed = routes
                .iter()
                .any(|(other, route)| other == method && takes(route, path));
            assert!(is_routed, "{method} {path} is not routed");
        }
    }

    #[test]
    fn operations_have_names_of_their_own() {
        let operations = operations();
        let names: BTreeSet<_> = operations.iter().map(|(.., name)| name).collect();
        assert_eq!(names.len(), operations.len(), "{names:?}");
    }

    #[test]
    fn references_lead_somewhere() {
        for is_keyed in [false, true] {
            let api: serde_json::Value = serde_json::from_str(text(is_keyed)).unwrap();
            let references = text(is_keyed).split(r##""$ref":"#"##).skip(1);
            let references: BTreeSet<_> = references
                .map(|rest| rest.split('"').next().unwrap())
                .collect();
            assert!(references.len() > 30, "{references:?}");
            for reference in references {
                assert!(api.pointer(reference).is_some(), "{reference}");
            }
            let needs_none = api["security"]
                .as_array()
                .unwrap()
                .contains(&"{}".parse().unwrap());
            assert_eq!(needs_none, !is_keyed);
        }
    }
}
