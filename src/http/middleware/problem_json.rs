//! Sends errors as problem documents (RFC 9457) to clients that accept JSON.

use axum::extract::Request;
use axum::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::error::Failure;
use crate::http::json::Json;

/// Replaces the plain text of an error response by a problem document, if the client accepts JSON.
pub(in crate::http) async fn problem_json(request: Request, next: Next) -> Response {
    let accepts_json = accepts_json(request.headers());
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<Failure>() {
        Some(failure) if accepts_json => {
            let (parts, _) = response.into_parts();
            let mut problem = Json(&failure.into_problem()).into_response();
            for (name, value) in &parts.headers {
                if name != CONTENT_TYPE && name != CONTENT_LENGTH {
                    problem.headers_mut().append(name, value.clone());
                }
            }
            let media_type = HeaderValue::from_static("application/problem+json");
            problem.headers_mut().insert(CONTENT_TYPE, media_type);
            *problem.status_mut() = parts.status;
            problem
        }
        _ => response,
    }
}

fn accepts_json(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter();
    let mut ranges = accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    ranges.any(|range| {
        let media_type = range.split(';').next().unwrap_or_default().trim();
        media_type.eq_ignore_ascii_case("application/json")
            || media_type.eq_ignore_ascii_case("application/problem+json")
    })
}
