//! JSON answers.

use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// A value as JSON.
pub(super) struct Json<'v, T: ?Sized>(pub &'v T);

impl<T: Serialize + ?Sized> IntoResponse for Json<'_, T> {
    fn into_response(self) -> Response {
        let json = serde_json::to_vec(self.0).expect("BUG: plain data is JSON");
        let form = HeaderValue::from_static("application/json");
        ([(CONTENT_TYPE, form)], json).into_response()
    }
}
