//! Normalizes the path of a request before it is routed.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::ALLOW;
use axum::http::uri::PathAndQuery;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

use crate::http::base_path::BasePath;
use crate::http::error::{Failure, Result};
use crate::http::percent;

/// Wraps a router such that it gets only normalized paths, without `base_path`. The returned router has no routes of its own: it passes
/// every request to the wrapped router. So layers that are added to the returned router run before routing.
pub(in crate::http) fn with_normalized_paths(router: Router, base_path: BasePath) -> Router {
    Router::new()
        .fallback_service(router)
        .layer(middleware::from_fn_with_state(base_path, normalize_path))
}

async fn normalize_path(
    State(base_path): State<BasePath>,
    mut request: Request,
    next: Next,
) -> Response {
    if request.uri().path() == "*" {
        return server_wide(request.method());
    }
    let uri = normalize(request.uri().clone());
    match uri.and_then(|uri| base_path.remove_from(uri)) {
        Ok(uri) => *request.uri_mut() = uri,
        Err(failure) => return failure.into_response(),
    }
    next.run(request).await
}

/// Answers a request whose target is `*`, the server as a whole. Only OPTIONS may have this target (RFC 9110, section 7.1).
fn server_wide(method: &Method) -> Response {
    if *method == Method::OPTIONS {
        let methods = "GET, HEAD, POST, PUT, DELETE, OPTIONS";
        return (StatusCode::NO_CONTENT, [(ALLOW, methods)]).into_response();
    }
    Failure::malformed("the target `*` is only for OPTIONS").into_response()
}

/// Removes trailing and doubled slashes from the path, because the published clients send them. Percent-encoded slashes and the query stay
/// as they are.
///
/// # Errors
/// 400 if percent escapes in the path or the query are malformed, or are not UTF-8 when decoded.
fn normalize(uri: Uri) -> Result<Uri> {
    percent::decode(uri.path())?;
    percent::decode(uri.query().unwrap_or_default())?;
    if !uri.path().contains("//") && (uri.path() == "/" || !uri.path().ends_with('/')) {
        return Ok(uri);
    }
    let segments = uri.path().split('/').filter(|segment| !segment.is_empty());
    let mut text: String = segments.flat_map(|segment| ["/", segment]).collect();
    if text.is_empty() {
        text.push('/');
    }
    if let Some(query) = uri.query() {
        text.push('?');
        text.push_str(query);
    }
    let malformed = || Failure::malformed("the request's URL is malformed");
    let mut parts = uri.into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(text).map_err(|_| malformed())?);
    Uri::from_parts(parts).map_err(|_| malformed())
}

#[cfg(test)]
mod tests;
