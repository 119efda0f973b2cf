//! The whole API, and the layers around it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, get, post, put};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::config::ServerLimits;
use crate::http::error::{Failure, in_accepted_form};
use crate::http::metrics::{Metrics, count, note_route};
use crate::http::middleware::auth::{Keyring, authorize};
use crate::http::middleware::head_and_length::measure;
use crate::http::middleware::host::Hosts;
use crate::http::middleware::origin::{Origins, guard};
use crate::http::middleware::redirect_writes::{Changes, send_on};
use crate::http::middleware::{default_headers, normalize_path, request_log};
use crate::http::routes::{
    admin, branches, git, hashes, history, modules, operation, versions, watch,
};
use crate::http::state::App;
use crate::names::BranchName;
use crate::remote::{GitHttpBackend, Mirrors, Replica};
use crate::store::Store;

/// How a store is served.
#[derive(Default)]
pub struct Serving {
    /// What clients may take up.
    pub limits: ServerLimits,
    /// Who may do what; without keys everyone may do everything, for as long as the server lives.
    pub keys: Option<Keyring>,
    /// Whether pages of other sites may use the store.
    pub has_cors: bool,
    /// What stands for the default branch, until somebody changes the default branch.
    pub branch: Option<BranchName>,
    /// The threads on which changes are made; without any they are made on those on which the store is read.
    pub changes: Option<Handle>,
    /// What serves fetches and pushes of git; without it they are answered 501.
    pub git: Option<GitHttpBackend>,
    /// The mirrors to tell of.
    pub mirrors: Option<Arc<Mirrors>>,
    /// Whom the store follows, and what is done with changes then.
    pub replica: Option<(Arc<Replica>, Changes)>,
}

/// The server of a store at an address. `host` is the name that it was to be bound to, which requests may use.
pub fn router(
    store: Arc<Store>,
    mut serving: Serving,
    (address, host): (SocketAddr, &str),
    closing: CancellationToken,
) -> Router {
    let origins = match serving.has_cors {
        true => Origins::any(),
        false => Origins::Own(Hosts::new(address, host, serving.keys.is_some())),
    };
    let keys = serving.keys.take();
    let changes = serving.replica.as_ref();
    let changes = changes.map(|(_, changes)| Arc::new(changes.clone()));
    let app = App::new(store, serving, keys.is_some(), closing);

    // What stands nearer to the routes is layered first.
    let routes = routes()
        .layer(from_fn_with_state(changes, send_on))
        .layer(from_fn_with_state(keys, authorize))
        .layer(from_fn(note_route))
        .with_state(app.clone());
    normalize_path::wrap(routes)
        .layer(from_fn_with_state(Arc::new(origins), guard))
        .layer(request_log::catch_panics())
        .layer(from_fn_with_state(app, default_headers::by_default))
        .layer(from_fn(request_log::follow))
        .layer(from_fn(in_accepted_form))
        .layer(from_fn_with_state(Metrics::install(), count))
        .layer(from_fn(measure))
}

/// Every endpoint. `{*path}` and its like are all that follows, slashes included.
fn routes() -> Router<App> {
    let api = Router::new()
        .route("/modules", get(modules::list_all))
        .route("/modules/{*prefix}", get(modules::list))
        .route("/module", any(nameless))
        .route(
            "/module/{*name}",
            get(modules::get).post(modules::put).delete(modules::remove),
        )
        .route("/hash", any(nameless))
        .route("/hash/{*name}", get(hashes::get).post(hashes::set))
        .route("/info/{*name}", get(hashes::info))
        .route("/versions/{*path}", get(versions::list))
        .route("/version/{index}/{*path}", get(versions::get))
        .route("/commits", get(history::commits_all))
        .route("/commits/{*path}", get(history::commits))
        .route("/snapshot", get(history::snapshot))
        .route("/commit/{*commit}", get(history::commit))
        .route("/restore/{commit}", post(history::restore_all))
        .route("/restore/{commit}/{*path}", post(history::restore))
        .route("/rollback", post(history::rollback_all))
        .route("/rollback/{*path}", post(history::rollback))
        .route("/branch", get(branches::default))
        .route(
            "/branch/{*branch}",
            put(branches::set_default)
                .post(branches::create)
                .delete(branches::delete),
        )
        .route("/branches", get(branches::list))
        .route("/merge/{*branch}", post(branches::merge))
        .route("/watch", get(watch::watch))
        .route("/gc", post(admin::gc))
        .route("/auth", any(admin::auth))
        .route("/openapi.json", get(operation::openapi));
    Router::new()
        .nest("/api/v1", api)
        .route("/wasmstore.git/info/refs", get(git::refs))
        .route("/wasmstore.git/git-upload-pack", post(git::upload_pack))
        .route("/wasmstore.git/git-receive-pack", post(git::receive_pack))
        .route("/healthz", get(operation::healthz))
        .route("/readyz", get(operation::readyz))
        .route("/metrics", get(operation::metrics))
        .fallback(unknown)
        .method_not_allowed_fallback(other_method)
}

async fn nameless() -> Failure {
    Failure::malformed("the URL ends where a name is needed")
}

async fn unknown() -> Failure {
    Failure::new(StatusCode::NOT_FOUND, "there is no such endpoint")
}

async fn other_method() -> Failure {
    let detail = "the endpoint does not take this method";
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}
