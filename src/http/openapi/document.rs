//! Assembles the OpenAPI document.

use utoipa::OpenApi;
use utoipa::openapi::path::{HttpMethod, Operation, PathItem};
use utoipa::openapi::{Paths, RefOr, Response, ResponseBuilder};

use super::components::{move_to_components, security_requirements};
use super::module_bytes::entity_tag;
use super::parameters::if_none_match;
use crate::http::lists::LISTS;
use crate::wire::Problem;
use crate::wire::schema::{CommitHashSchema, DigestSchema, HashSchema, VersionSchema};

/// The OpenAPI document before the operations are added.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "wasmstore",
        description = "A store for WebAssembly modules: content-addressed, versioned, validated, and a git repository underneath.",
        license(name = "MIT", identifier = "MIT"),
    ),
    // This URL is relative to the URL of the document, /api/v1/openapi.json, so that it is right even if a proxy serves the server below
    // another path.
    servers((url = "../../")),
    components(schemas(HashSchema, DigestSchema, CommitHashSchema, VersionSchema, Problem)),
)]
struct BaseDocument;

/// Returns the document without operations. The router adds them from its routes.
pub(in crate::http) fn base_document() -> utoipa::openapi::OpenApi {
    BaseDocument::openapi()
}

/// Completes a document that has the operations of all routes, and returns it as JSON. `is_keyed` says whether the server has API keys.
pub(in crate::http) fn finish_document(
    mut document: utoipa::openapi::OpenApi,
    is_keyed: bool,
) -> String {
    describe_list_tags(&mut document.paths);
    rewrite_paths(&mut document.paths);
    move_to_components(&mut document);
    describe_head(&mut document.paths);
    document.security = Some(security_requirements(is_keyed));
    document.to_json().expect("BUG: plain data is JSON")
}

/// Describes the entity tags of the routes in [`LISTS`]. A layer adds these tags, so the handlers do not describe them.
fn describe_list_tags(paths: &mut Paths) {
    for path in LISTS {
        let item = paths
            .paths
            .get_mut(path)
            .expect("BUG: every list is a route");
        let get = item.get.as_mut().expect("BUG: every list is read with GET");
        get.parameters
            .get_or_insert_default()
            .push(if_none_match().into());
        let responses = &mut get.responses.responses;
        if let Some(RefOr::T(listed)) = responses.get_mut("200") {
            listed
                .headers
                .insert("ETag".to_owned(), entity_tag().into());
        }
        let unchanged = ResponseBuilder::new()
            .description("The client already has the list of this commit")
            .header("ETag", entity_tag());
        responses.insert("304".to_owned(), unchanged.build().into());
    }
}

/// Replaces the router's syntax for paths by OpenAPI's syntax, which has `{name}` but not `{*name}`.
fn rewrite_paths(paths: &mut Paths) {
    let routed = std::mem::take(&mut paths.paths);
    for (path, mut item) in routed {
        if path.ends_with("/hash/{*name}") {
            // One route serves two operations, because the router cannot distinguish `/hash/{hash}/{*path}` from this route. The document
            // describes them separately.
            let set_hash = item.post.take().expect("BUG: the route accepts POST");
            let set_path = path.replace("{*name}", "{hash}/{path}");
            let set_item = PathItem::new(HttpMethod::Post, set_hash);
            paths.paths.insert(set_path, set_item);
        }
        paths.paths.insert(path.replace("{*", "{"), item);
    }
}

/// Describes the HEAD requests for modules. The router derives them from GET, so no handler describes them.
fn describe_head(paths: &mut Paths) {
    for (path, item) in &mut paths.paths {
        if path.ends_with("/module/{name}") {
            item.head = item.get.clone().map(without_body);
        }
    }
}

fn without_body(mut get: Operation) -> Operation {
    get.operation_id = Some("head_module".to_owned());
    get.summary = Some("Returns the headers of a module without its bytes".to_owned());
    get.responses.responses.remove("206");
    for response in get.responses.responses.values_mut() {
        if let RefOr::T(Response { content, .. }) = response {
            content.clear();
        }
    }
    get
}
