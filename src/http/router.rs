//! All routes of the server, and the order of the layers around them.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, get, post};
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

use crate::http::bucket::{forward_writes, serve_copy};
use crate::http::error::Failure;
use crate::http::listener::BoundAddress;
use crate::http::metrics::{Metrics, count_requests, record_route};
use crate::http::middleware::auth::{AccessCheck, KeyCheck, WebSessionCheck, authorize};
use crate::http::middleware::default_headers::default_headers;
use crate::http::middleware::head_and_length::head_and_length;
use crate::http::middleware::host::AllowedHosts;
use crate::http::middleware::normalize_path::with_normalized_paths;
use crate::http::middleware::origin::{OriginPolicy, check_origin};
use crate::http::middleware::problem_json::problem_json;
use crate::http::middleware::redirect_writes::redirect_writes;
use crate::http::middleware::request_log::{catch_panics, request_log};
use crate::http::middleware::session::Sessions;
use crate::http::middleware::web_errors::{mark_web_responses, render_web_errors};
use crate::http::openapi;
use crate::http::options::ServerOptions;
use crate::http::routes::list_etag::list_etag;
use crate::http::routes::pinned_links::pin_links;
use crate::http::routes::{
    admin, branches, compare, diff, facts, gc, git, hashes, history, modules, oci, operation,
    put_modules, relocation, rollback, search, tags, uploads, versions, watch, web, world,
};
use crate::http::state::App;
use crate::store::Store;

/// Returns the HTTP service of a server that is bound to the addresses `bound`. `shutdown` is cancelled when the server begins to shut
/// down.
pub fn router(
    store: Arc<Store>,
    mut options: ServerOptions,
    bound: &[BoundAddress],
    shutdown: CancellationToken,
) -> Router {
    let keys = options.keys.take();
    let is_keyed = keys.is_some();
    let hosts = AllowedHosts::new(bound, &options.allowed_hosts, is_keyed);
    // With --cors, the pages of every web site may use the server, so host names are checked only if the operator lists the allowed names.
    let (policy, hosts) = match (options.has_cors, options.allowed_hosts.as_slice()) {
        (true, []) => (OriginPolicy::any(), AllowedHosts::any()),
        (true, _) => (OriginPolicy::any(), hosts),
        (false, _) => (OriginPolicy::SameOrigin, hosts),
    };
    let access = AccessCheck {
        keys: keys.map(|keys| KeyCheck::new(keys, options.limits.wrong_keys_max)),
        web_sessions: options.has_web.then(|| WebSessionCheck {
            sessions: Sessions::new(options.limits.session_age_max),
            base_path: options.base_path.clone(),
        }),
    };
    let trusted_proxies: Arc<[_]> = std::mem::take(&mut options.trusted_proxies).into();
    let base_path = options.base_path.clone();
    let replica = options.replica.as_ref();
    let replica = replica.map(|(replica, writes)| (Arc::clone(replica), Arc::new(writes.clone())));
    let web_base_path = options.has_web.then(|| base_path.clone());
    let (routes, document) = routes(options.has_web).split_for_parts();
    let description = openapi::finish_document(document, is_keyed).into();
    let app = App::new(store, options, access.clone(), description, shutdown);

    // A request passes through the layers in reverse order: it first reaches the last layer that this function adds.
    let routes = routes
        .method_not_allowed_fallback(unsupported_method)
        .layer(from_fn_with_state(app.clone(), list_etag))
        .layer(from_fn(pin_links));
    let routes = match &app.bucket {
        Some(bucket) => {
            let state = (app.clone(), Arc::clone(bucket));
            routes
                .layer(from_fn_with_state(state.clone(), forward_writes))
                .layer(from_fn_with_state(state, serve_copy))
        }
        None => routes,
    };
    let routes = match replica {
        Some(replica) => routes.layer(from_fn_with_state(replica, redirect_writes)),
        None => routes,
    };
    let routes = routes
        .layer(from_fn_with_state(access, authorize))
        .layer(from_fn(oci::oci_errors))
        .layer(from_fn_with_state(web_base_path, mark_web_responses))
        .layer(from_fn(record_route))
        .with_state(app);
    with_normalized_paths(routes, base_path)
        .layer(from_fn_with_state(Arc::new((policy, hosts)), check_origin))
        .layer(catch_panics())
        .layer(from_fn_with_state(is_keyed, default_headers))
        .layer(from_fn_with_state(trusted_proxies, request_log))
        .layer(from_fn(render_web_errors))
        .layer(from_fn(problem_json))
        .layer(from_fn_with_state(Metrics::install(), count_requests))
        .layer(from_fn(head_and_length))
}

/// Returns all routes, together with the OpenAPI document that describes them. The macro `routes!` takes URL and method from the attribute
/// of a handler; `{*name}` matches the rest of the URL, slashes included.
fn routes(has_web: bool) -> OpenApiRouter<App> {
    let api = OpenApiRouter::default()
        .routes(routes!(
            modules::list_all,
            put_modules::put_all,
            relocation::remove_selected
        ))
        .routes(routes!(modules::list, put_modules::put))
        .route("/module", any(missing_name))
        .routes(routes!(modules::get, modules::put, modules::remove))
        .routes(routes!(uploads::begin))
        .routes(routes!(
            uploads::status,
            uploads::append,
            uploads::complete,
            uploads::cancel
        ))
        .routes(routes!(relocation::copy))
        .routes(routes!(relocation::relocate))
        .routes(routes!(relocation::remove_named))
        .route("/hash", any(missing_name))
        .routes(routes!(hashes::get, hashes::set))
        .routes(routes!(facts::info))
        .routes(routes!(facts::wit))
        .routes(routes!(facts::size))
        .routes(routes!(search::search))
        .routes(routes!(world::find))
        .routes(routes!(compare::compare))
        .routes(routes!(diff::diff))
        .routes(routes!(versions::list))
        .routes(routes!(versions::get))
        .routes(routes!(history::commits_all))
        .routes(routes!(history::commits))
        .routes(routes!(history::snapshot))
        .routes(routes!(history::commit))
        .routes(routes!(history::restore_all))
        .routes(routes!(history::restore))
        .routes(routes!(rollback::preview_all, rollback::rollback_all))
        .routes(routes!(rollback::preview, rollback::rollback))
        .routes(routes!(branches::default))
        .routes(routes!(
            branches::set_default,
            branches::create,
            branches::delete
        ))
        .routes(routes!(branches::list))
        .routes(routes!(branches::list_broken))
        .routes(routes!(branches::merge))
        .routes(routes!(tags::list))
        .route("/tag", any(missing_tag))
        .routes(routes!(tags::get, tags::create, tags::delete))
        .routes(routes!(watch::watch))
        .routes(routes!(gc::gc))
        // The OpenAPI document describes only some methods, but the route accepts every method.
        .routes(routes!(admin::auth).map(|_| any(admin::auth)))
        .routes(routes!(operation::openapi));
    let router = OpenApiRouter::with_openapi(openapi::base_document())
        .nest("/api/v1", api)
        // git defines these routes, so they are not part of the OpenAPI document.
        .route("/wasmstore.git/info/refs", get(git::refs))
        .route("/wasmstore.git/git-upload-pack", post(git::upload_pack))
        .route("/wasmstore.git/git-receive-pack", post(git::receive_pack))
        // The OCI distribution specification defines the routes below `/v2`, and the wasm-pkg tools define `registry.json`.
        .route("/v2", get(oci::base))
        .route("/v2/{*rest}", any(oci::serve))
        .route("/.well-known/wasm-pkg/registry.json", get(oci::wasm_pkg))
        .routes(routes!(operation::healthz))
        .routes(routes!(operation::readyz))
        .routes(routes!(operation::metrics));
    let router = if has_web {
        web::add_routes(router)
    } else {
        router
    };
    router.fallback(unknown_endpoint)
}

async fn missing_name() -> Failure {
    Failure::missing_name()
}

async fn missing_tag() -> Failure {
    Failure::missing_tag()
}

async fn unknown_endpoint() -> Failure {
    Failure::unknown_endpoint()
}

async fn unsupported_method() -> Failure {
    let detail = "the endpoint does not support this method";
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}
