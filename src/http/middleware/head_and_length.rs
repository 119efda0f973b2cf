//! Removes the bodies of responses to HEAD, and sets `Content-Length`.

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

/// Removes the body of a response to HEAD (RFC 9110, section 9.3.2) and sets `Content-Length`. axum does both for the responses of routes,
/// but not for the errors of other layers, and not for problem documents.
pub(in crate::http) async fn head_and_length(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let mut response = next.run(request).await;
    match response.status() {
        // An interim response (1xx) and the response that starts a tunnel have no body.
        status if status.is_informational() || method == Method::CONNECT => return response,
        // In a 304, `Content-Length` would have to be the length of the corresponding 200 response (section 8.6). A 204 must not have it.
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
