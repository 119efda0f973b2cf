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

/// Returns the `Link` header (RFC 8288) to the next page of the requested list. `last` is the last item of this page. `query` repeats
/// further parameters of the request, each with a leading `&`.
///
/// The link is a relative reference that consists of a query only. A client resolves it against the URL of its request (RFC 3986,
/// section 5.3), so it is right whatever path a proxy in front of the server removes.
pub(super) fn next_page_link(limit: usize, last: &str, query: &str) -> (HeaderName, String) {
    let last = encode_path(last);
    let link = format!("<?limit={limit}&after={last}{query}>; rel=\"next\"");
    (LINK, link)
}
