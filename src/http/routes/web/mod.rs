//! The web UI: `/` and everything below `/ui`.
//!
//! A handler parses the URL, asks the store on a thread that may block, and sends what [`web`](crate::web) renders. To add a screen, write its
//! markup in `src/web/NAME.rs`, its handler here in `NAME.rs`, and add it to [`add_routes`].

mod assets;
mod branches;
mod compare;
mod directory;
mod history;
mod module;
mod screen;
mod search;
mod status;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use utoipa_axum::router::OpenApiRouter;

use crate::http::error::Failure;
use crate::http::state::App;

/// Adds the screens to the routes of the server. They are not part of the description of the API.
pub(in crate::http) fn add_routes(router: OpenApiRouter<App>) -> OpenApiRouter<App> {
    router
        .route("/", any(directory::first))
        .route("/ui", get(directory::redirect_to_first))
        .route("/ui/tree", get(directory::tree))
        .route("/ui/tree/{*path}", get(directory::tree))
        .route("/ui/module/{*path}", get(module::get))
        .route("/ui/raw/{*path}", get(module::raw))
        .route("/ui/compare", get(compare::compare))
        .route("/ui/commit", get(compare::commit))
        .route("/ui/history", get(history::history))
        .route("/ui/history/{*path}", get(history::history))
        .route("/ui/branches", get(branches::list))
        .route("/ui/merge", get(branches::merge))
        .route("/ui/search", get(search::search))
        .route("/ui/status", get(status::status))
        .route("/ui/assets/{name}", get(assets::get))
        .route("/ui/{*rest}", get(unknown_page))
}

async fn unknown_page(request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let detail = format!("there is no page {path}");
    Failure::new(StatusCode::NOT_FOUND, detail).into_response()
}
