//! Pages of long lists.

use axum::http::HeaderName;
use axum::http::header::LINK;

use crate::http::error::{Failure, Result};
use crate::wire::encode_path;

/// The most items on a page.
const ITEMS_MAX: usize = 10_000;

/// How many items a page has that was asked for with a limit.
///
/// # Errors
/// 400 if it is none.
pub(in crate::http) fn limit(asked: usize) -> Result<usize> {
    match asked {
        0 => Err(Failure::malformed("limit is at least 1")),
        asked => Ok(asked.min(ITEMS_MAX)),
    }
}

/// The link to the page of `endpoint` that follows `last` (RFC 8288); `below` is the path that the list is of, or empty, and `also`
/// what else was asked for.
pub(in crate::http) fn next(
    endpoint: &str,
    below: &str,
    limit: usize,
    last: &str,
    also: &str,
) -> (HeaderName, String) {
    let slash = if below.is_empty() { "" } else { "/" };
    let (below, last) = (encode_path(below), encode_path(last));
    let link = format!(
        "</api/v1/{endpoint}{slash}{below}?limit={limit}&after={last}{also}>; rel=\"next\""
    );
    (LINK, link)
}
