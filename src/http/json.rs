//! JSON responses.

use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// A response whose body is a value as JSON. Unlike [`axum::Json`], it borrows the value.
pub(super) struct Json<'v, T: ?Sized>(pub &'v T);

impl<T: Serialize + ?Sized> IntoResponse for Json<'_, T> {
    fn into_response(self) -> Response {
        let json = serde_json::to_vec(self.0).expect("BUG: plain data is JSON");
        let media_type = HeaderValue::from_static("application/json");
        ([(CONTENT_TYPE, media_type)], json).into_response()
    }
}
