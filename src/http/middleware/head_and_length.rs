//! HEAD requests and `Content-Length`.

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

/// Removes the body of responses to HEAD (RFC 9110, section 9.3.2) and sets `Content-Length`. axum does both for routes, but not
/// for errors that other layers return and for problem documents.
pub(in crate::http) async fn head_and_length(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let mut response = next.run(request).await;
    match response.status() {
        // An interim response or the start of a tunnel has no body.
        status if status.is_informational() || method == Method::CONNECT => return response,
        // The length of a 304 would be that of the 200 it stands for (section 8.6).
        StatusCode::NOT_MODIFIED | StatusCode::NO_CONTENT => {
            response.headers_mut().remove(CONTENT_LENGTH);
        }
        _ => {
            if let Some(length) = response.body().size_hint().exact() {
                let headers = response.headers_mut();
                headers.entry(CONTENT_LENGTH).or_insert(length.into());
            }
        }
    }
    if method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    response
}
