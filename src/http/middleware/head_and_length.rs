//! Which answers have a body, and how long it is.

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

/// Answers HEAD as GET but for the body (RFC 9110, section 9.3.2), and tells the length of each body. The routes do so by
/// themselves; refusals that never reach them, and problem documents, do not.
pub(in crate::http) async fn measure(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let mut response = next.run(request).await;
    match response.status() {
        // What is no answer yet, or opens a tunnel.
        status if status.is_informational() || method == Method::CONNECT => return response,
        // Its length would be that of the 200 that it stands for (section 8.6).
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
