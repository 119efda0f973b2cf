//! Normalization of request paths before routing.

use axum::Router;
use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

use crate::http::error::{Failure, Result};
use crate::http::percent;

/// Wraps a router so that it sees only normalized paths. The result has no routes of its own and passes every request on. So
/// layers that are added to it run before routing.
pub(in crate::http) fn with_normalized_paths(router: Router) -> Router {
    Router::new()
        .fallback_service(router)
        .layer(middleware::from_fn(normalize_path))
}

async fn normalize_path(mut request: Request, next: Next) -> Response {
    match normalize(request.uri().clone()) {
        Ok(uri) => *request.uri_mut() = uri,
        Err(failure) => return failure.into_response(),
    }
    next.run(request).await
}

/// Removes trailing and doubled slashes from the path, because the published clients send them. Escaped slashes and the query are
/// left as they are.
///
/// # Errors
/// 400 if percent escapes in the path or the query are malformed or do not decode to UTF-8.
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
