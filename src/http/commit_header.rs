//! The response header `Wasmstore-Commit`.

use std::convert::Infallible;

use axum::http::HeaderMap;
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};

use crate::http::error::Result;
use crate::names::CommitId;

/// The response header `Wasmstore-Commit`: the commit that was read, or the branch's tip after a write.
pub(super) struct CommitHeader(pub Option<CommitId>);

impl CommitHeader {
    /// Sets the header.
    pub fn insert_into(&self, headers: &mut HeaderMap) {
        if let Some(commit) = self.0 {
            let value = commit.to_string().parse();
            headers.insert(
                "wasmstore-commit",
                value.expect("BUG: hex is a header value"),
            );
        }
    }
}

impl IntoResponse for CommitHeader {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}

impl IntoResponseParts for CommitHeader {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        self.insert_into(parts.headers_mut());
        Ok(parts)
    }
}
