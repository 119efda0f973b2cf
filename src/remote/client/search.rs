//! Requests searches of the modules in the store behind a server.

use std::ops::ControlFlow;

use super::request::Client;
use crate::names::ModulePath;
use crate::remote::error::Result;
use crate::store::{Query, Revision, SearchDetail, SearchMatch, SearchScope};
use crate::wire::{SearchJson, encode_path, encode_query_value};

/// The number of matches in one response of the server.
const MATCHES_PER_PAGE: usize = 1_000;

impl Client {
    /// Calls `visit` for every match of a search, page by page, until `visit` returns `Break`. Returns the number of modules that the
    /// server has not analysed yet; the search does not find these.
    pub(super) fn search_pages(
        &self,
        revision: &Revision,
        query: &Query,
        (scope, detail): (SearchScope, SearchDetail),
        visit: &mut dyn FnMut(SearchMatch) -> ControlFlow<()>,
    ) -> Result<u64> {
        let query = query.to_string();
        let q = encode_query_value(&query);
        let history = scope == SearchScope::History;
        let matched = detail == SearchDetail::Matched;
        let mut revision = revision.clone();
        // The position of the next page: it begins after the path `after`, and skips the first `skip` matches of the following path,
        // because this page has them.
        let mut after: Option<ModulePath> = None;
        let (mut last, mut skip) = (None::<ModulePath>, 0);
        loop {
            let mut path = format!(
                "/search?q={q}&limit={MATCHES_PER_PAGE}&history={history}&matched={matched}&skip={skip}"
            );
            if let Some(after) = &after {
                path.push_str(&format!("&after={}", encode_path(after.as_str())));
            }
            let page = self.json::<SearchJson>(self.get(&path, &revision))?;
            if page.has_more && page.value.matches.is_empty() {
                return Err(self.invalid_response("a page of a search is empty"));
            }
            for found in page.value.matches {
                let found = SearchMatch::from(found);
                if last.as_ref() != Some(&found.path) {
                    after = last.replace(found.path.clone());
                    skip = 0;
                }
                skip += 1;
                if visit(found).is_break() {
                    return Ok(page.value.pending);
                }
            }
            if !page.has_more {
                return Ok(page.value.pending);
            }
            // The next request names the commit of this page, so that all pages are of the same commit.
            revision = page.commit.map_or(revision, Revision::Commit);
        }
    }
}
