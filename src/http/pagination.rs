//! Pages of long lists.

use axum::http::HeaderName;
use axum::http::header::LINK;

use crate::http::error::{Failure, Result};
use crate::wire::encode_path;

/// The most items that a page holds.
const ITEMS_MAX: usize = 10_000;

/// Returns the number of items of a page for the query parameter `limit`: a larger limit than [`ITEMS_MAX`] is reduced to it.
///
/// # Errors
/// 400 if `limit` is 0.
pub(super) fn page_size(limit: usize) -> Result<usize> {
    match limit {
        0 => Err(Failure::malformed("`limit` must be at least 1")),
        limit => Ok(limit.min(ITEMS_MAX)),
    }
}

/// Returns the `Link` header (RFC 8288) to the next page of the list at `/api/v1/ENDPOINT/PATH`. `path` may be empty; `last` is
/// the last item of this page. `query` repeats further parameters of the request, each with a leading `&`.
pub(super) fn next_page_link(
    endpoint: &str,
    path: &str,
    limit: usize,
    last: &str,
    query: &str,
) -> (HeaderName, String) {
    let slash = if path.is_empty() { "" } else { "/" };
    let (path, last) = (encode_path(path), encode_path(last));
    let link = format!(
        "</api/v1/{endpoint}{slash}{path}?limit={limit}&after={last}{query}>; rel=\"next\""
    );
    (LINK, link)
}
