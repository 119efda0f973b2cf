//! Splits long lists into pages, with links from each page to the next.

use axum::http::HeaderName;
use axum::http::header::LINK;

use crate::http::error::{Failure, Result};
use crate::store::{SearchCursor, SearchDetail, SearchScope};
use crate::wire::{encode_path, encode_query_value};

/// The maximum number of items on a page.
const ITEMS_MAX: usize = 10_000;

/// How much each allowed item adds to the size limit of a page, in bytes. If the items are longer on average, the page has fewer items.
const ITEM_BYTES: usize = 512;

/// The smallest value of [`Page::bytes_max`], in bytes.
const PAGE_BYTES_MIN: usize = 64 << 10;

/// The largest value of [`Page::bytes_max`], in bytes.
const PAGE_BYTES_MAX: usize = 4 << 20;

/// The size limits of one page of a list. The limit in bytes is computed from the limit in items, so that a page is the same each time it
/// is requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    items_max: usize,
}

impl Page {
    /// Returns the limits for the query parameter `limit`. A value above [`ITEMS_MAX`] is reduced to it.
    ///
    /// # Errors
    /// 400 if `limit` is 0.
    pub fn new(limit: usize) -> Result<Self> {
        match limit {
            0 => Err(Failure::malformed("`limit` must be at least 1")),
            limit => Ok(Self {
                items_max: limit.min(ITEMS_MAX),
            }),
        }
    }

    /// Returns the maximum number of items on the page.
    pub fn items_max(self) -> usize {
        self.items_max
    }

    /// Returns the size limit, in bytes. Once the page has this size, no further item is added.
    pub fn bytes_max(self) -> usize {
        (self.items_max * ITEM_BYTES).clamp(PAGE_BYTES_MIN, PAGE_BYTES_MAX)
    }
}

/// Returns the `Link` header (RFC 8288) to the next page of a list. `last` is the position of the last item on this page. `query` has the
/// further parameters of the request, each with a leading `&`.
///
/// The link is a relative reference that consists of a query only. A client resolves it against the URL of its request (RFC 3986, section
/// 5.3), so the link is right even if a proxy in front of the server has changed the path.
pub(super) fn next_page_link(limit: usize, last: &str, query: &str) -> (HeaderName, String) {
    let last = encode_path(last);
    let link = format!("<?limit={limit}&after={last}{query}>; rel=\"next\"");
    (LINK, link)
}

/// Returns the `Link` header to the next page of search results. `next` is the position after the last result on this page.
pub(super) fn next_search_link(
    query: &str,
    scope: SearchScope,
    detail: SearchDetail,
    limit: usize,
    next: &SearchCursor,
) -> (HeaderName, String) {
    let q = encode_query_value(query);
    let mut link = format!("?q={q}&limit={limit}");
    if scope == SearchScope::History {
        link.push_str("&history=true");
    }
    if detail == SearchDetail::Hashes {
        link.push_str("&matched=false");
    }
    if let Some(after) = &next.after {
        link.push_str(&format!("&after={}", encode_path(after.as_str())));
    }
    if next.skip > 0 {
        link.push_str(&format!("&skip={}", next.skip));
    }
    (LINK, format!("<{link}>; rel=\"next\""))
}

/// Returns the `Link` header to the rest of a module's description. `skip` is the number of imports and exports that the parts so far
/// describe.
pub(super) fn next_info_link(skip: usize) -> (HeaderName, String) {
    (LINK, format!("<?skip={skip}>; rel=\"next\""))
}
