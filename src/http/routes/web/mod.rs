//! The handlers of the web UI: `/` and everything below `/ui`.
//!
//! A handler parses the URL, reads the store on a blocking thread, and sends the page that [`web`](crate::web) renders. To add a screen,
//! write its markup in `src/web/NAME.rs` and its handler in `NAME.rs` here, and add the handler to [`add_routes`].

mod assets;
mod branches;
mod change;
mod compare;
mod directory;
mod form;
mod form_page;
mod history;
mod maintenance;
mod module;
mod multipart;
mod page_response;
mod page_snapshot;
mod screen;
mod search;
mod sign_in;
mod status;
mod tags;
mod upload;
mod upload_plan;
mod upload_preview;
mod visitor;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use utoipa_axum::router::OpenApiRouter;

use self::change::{merge, mv, remove, restore, rollback, set};
use crate::http::error::Failure;
use crate::http::middleware::session::refuse_foreign_forms;
use crate::http::pages;
use crate::http::state::App;
use crate::names::printable_excerpt;

/// Adds the screens to the routes of the server. The OpenAPI document does not describe them.
pub(in crate::http) fn add_routes(router: OpenApiRouter<App>) -> OpenApiRouter<App> {
    router
        .route("/", any(directory::first))
        .route("/ui", get(directory::redirect_to_first))
        .route("/ui/tree", get(directory::tree))
        .route("/ui/tree/{*path}", get(directory::tree))
        .route("/ui/module/{*path}", get(module::get))
        .route("/ui/raw/{*path}", get(module::raw))
        .route("/ui/wit/{*path}", get(module::wit))
        .route("/ui/compare", get(compare::compare))
        .route("/ui/commit", get(compare::commit))
        .route("/ui/history", get(history::history))
        .route("/ui/history/{*path}", get(history::history))
        .route("/ui/branches", get(branches::list))
        .route("/ui/tags", get(tags::list))
        .route("/ui/search", get(search::search))
        .route("/ui/status", get(status::status))
        .route("/ui/assets/{name}", get(assets::get))
        .merge(forms())
        .route("/ui/{*rest}", get(unknown_page))
}

/// Returns the routes of the pages with a form, and the routes to which the forms are sent.
fn forms() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .route(pages::LOGIN, get(sign_in::login).post(sign_in::begin))
        .route(pages::LOGIN_BASIC, get(sign_in::basic))
        .route(pages::LOGOUT, get(sign_in::logout).post(sign_in::end))
        .route(pages::UPLOAD, get(upload::show).post(upload::receive))
        .route(
            "/ui/upload/{id}",
            get(upload_preview::show).post(upload_preview::commit),
        )
        .route("/ui/rollback", get(rollback::show).post(rollback::submit))
        .route("/ui/restore", get(restore::show).post(restore::submit))
        .route("/ui/remove", get(remove::show).post(remove::submit))
        .route("/ui/set", get(set::show).post(set::submit))
        .route("/ui/move", get(mv::show).post(mv::submit))
        .route("/ui/merge", get(branches::merge).post(merge::submit))
        .route(
            "/ui/gc",
            get(maintenance::show_squash).post(maintenance::gc),
        )
        .route("/ui/verify", post(maintenance::verify))
        .route(
            pages::DEFAULT_BRANCH,
            get(change::branches::show_default).post(change::branches::set_default),
        )
        .route(
            "/ui/branch/new",
            get(change::branches::show_new).post(change::branches::create),
        )
        .route(
            "/ui/branch/delete",
            get(change::branches::show_delete).post(change::branches::delete),
        )
        .route(
            "/ui/tag/new",
            get(change::tags::show_new).post(change::tags::create),
        )
        .route(
            "/ui/tag/delete",
            get(change::tags::show_delete).post(change::tags::delete),
        )
        .route_layer(from_fn(refuse_foreign_forms))
}

async fn unknown_page(request: Request) -> Response {
    let path = printable_excerpt(request.uri().path());
    let detail = format!("there is no page {path}");
    Failure::new(StatusCode::NOT_FOUND, detail).into_response()
}
