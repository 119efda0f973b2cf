//! Changes that come to a replica: the primary is to make them.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::LOCATION;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::error::Failure;
use crate::http::middleware::auth::credentials::needed;
use crate::names::ServerUrl;

/// The path where nothing is changed, whatever the method.
const AUTH: &str = "/api/v1/auth";

/// What is done with changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changes {
    /// They are sent on to the primary, with 307: the client repeats the request there, with its body.
    Redirect(ServerUrl),
    /// They are refused.
    Refuse,
}

/// Lets reads pass, and answers changes. It has to see whole paths, in their normal form.
pub(in crate::http) async fn send_on(
    State(changes): State<Option<Arc<Changes>>>,
    request: Request,
    next: Next,
) -> Response {
    match changes {
        Some(changes) if is_change(&request) => answer(&changes, &request).into_response(),
        _ => next.run(request).await,
    }
}

fn is_change(request: &Request) -> bool {
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS];
    !reads.contains(needed(request)) && request.uri().path() != AUTH
}

fn answer(changes: &Changes, request: &Request) -> Failure {
    match changes {
        Changes::Redirect(primary) => {
            let uri = request.uri();
            let path = uri.path_and_query().map_or("/", |path| path.as_str());
            let to = primary.at(path);
            let detail = format!("this is a replica: changes are made at {to}");
            Failure::new(StatusCode::TEMPORARY_REDIRECT, detail).with(LOCATION, to)
        }
        Changes::Refuse => {
            let detail = "this is a replica: it takes no changes";
            Failure::new(StatusCode::FORBIDDEN, detail)
        }
    }
}
