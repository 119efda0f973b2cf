//! Which commit an answer comes of, and answers to changes.

use std::convert::Infallible;

use axum::http::HeaderMap;
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use metrics::counter;

use crate::http::error::Result;
use crate::http::metrics::COMMITS;
use crate::http::state::App;
use crate::names::CommitId;
use crate::store::{Published, Store};

/// The commit that was read from, or where the branch is after a change.
pub(in crate::http) struct At(pub Option<CommitId>);

impl At {
    /// Tells it in the headers of an answer.
    pub fn tell(&self, headers: &mut HeaderMap) {
        if let Some(commit) = self.0 {
            let value = commit.to_string();
            let value = value.parse().expect("BUG: hex is a header value");
            headers.insert("wasmstore-commit", value);
        }
    }
}

impl IntoResponse for At {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}

impl IntoResponseParts for At {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        self.tell(parts.headers_mut());
        Ok(parts)
    }
}

impl App {
    /// Makes a change, and counts it.
    pub async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Store) -> Result<Published<T>> + Send + 'static,
    ) -> Result<(At, T)> {
        let published = self.run_change(change).await?;
        if published.has_moved {
            counter!(COMMITS).increment(1);
        }
        Ok((At(published.commit), published.value))
    }
}
