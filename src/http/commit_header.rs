//! The response headers `Wasmstore-Commit`, `Wasmstore-Branch` and `Wasmstore-Changed`.

use std::convert::Infallible;

use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};

use crate::http::error::Result;
use crate::names::{BranchName, CommitId};
use crate::store::Published;
use crate::wire::encode_header_value;

/// The response header `Wasmstore-Commit`: the commit that was read, or the tip of the branch after a write. If it is `None`, the header is
/// not sent.
pub(super) struct CommitHeader(pub Option<CommitId>);

impl CommitHeader {
    /// Adds the header to `headers`, if there is a commit.
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

/// The headers of the response to a write: the branch, its tip after the write, and whether the write moved the branch.
pub(super) struct ChangeHeaders {
    pub branch: Option<BranchName>,
    pub commit: Option<CommitId>,
    pub has_moved: bool,
}

impl<T> From<&Published<T>> for ChangeHeaders {
    fn from(published: &Published<T>) -> Self {
        Self {
            branch: published.branch.clone(),
            commit: published.commit,
            has_moved: published.has_moved,
        }
    }
}

impl IntoResponse for ChangeHeaders {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}

impl IntoResponseParts for ChangeHeaders {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        let headers = parts.headers_mut();
        CommitHeader(self.commit).insert_into(headers);
        headers.insert(
            "wasmstore-changed",
            HeaderValue::from_static(if self.has_moved { "true" } else { "false" }),
        );
        if let Some(branch) = &self.branch {
            let value = HeaderValue::from_str(&encode_header_value(branch.as_str()));
            headers.insert(
                "wasmstore-branch",
                value.expect("BUG: an encoded name is a header value"),
            );
        }
        Ok(parts)
    }
}
