//! `/search`: finds modules by their imports, exports and other properties.

use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::Deserialize;

use crate::http::charged::charged_json_response;
use crate::http::commit_header::CommitHeader;
use crate::http::error::{Failure, Result};
use crate::http::extract::{QueryParams, ReadRevision};
use crate::http::openapi::ReadProblems;
use crate::http::pagination::next_search_link;
use crate::http::state::App;
use crate::names::ModulePath;
use crate::store::{MATCHED_BYTES_MAX, Query, SearchCursor, SearchDetail, SearchScope};
use crate::wire;

/// The number of matches on a page if the request has no `limit`.
const PAGE_SIZE_DEFAULT: usize = 100;

/// The maximum number of matches on a page. A path has at most 4 KiB, so a page of 1,000 matches has at most a few MiB.
const PAGE_SIZE_MAX: usize = 1_000;

/// The memory for the facts about one module, in which a search finds what matched, in bytes.
const FACTS_BYTES_MAX: u64 = 2 << 20;

/// The query parameters of a search.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct SearchParams {
    /// The search query, such as `import:wasi:http@0.2 size>1MB`.
    #[param(example = "import:wasi:http@0.2 size>1MB", max_length = 4096)]
    q: String,
    /// Search all versions of all paths in the history, not only the modules in the current tree.
    #[serde(default)]
    history: bool,
    /// Set it to false to leave out `matched`, which takes the server a lookup for each match.
    #[serde(default = "default_matched")]
    #[param(default = true)]
    matched: bool,
    /// The maximum number of matches. With `matched`, a page with very large modules may have fewer, and a link to the next page.
    #[param(minimum = 1, maximum = 1_000)]
    limit: Option<usize>,
    /// List only the matches whose paths sort after this one.
    #[param(pattern = r"^[^\u0000-\u001f\u007f-\u009f\\]+$")]
    after: Option<String>,
    /// Leave out this number of matches at the first path of the page.
    #[serde(default)]
    skip: usize,
}

fn default_matched() -> bool {
    true
}

/// Finds modules by their imports, exports and other properties, sorted by path
#[utoipa::path(get, operation_id = "search", path = "/search", tag = "modules", params(ReadRevision, SearchParams),
    responses((status = 200, description = "The modules for which all terms of the query hold", body = wire::SearchJson,
        headers(("Link" = String, description = "The next page, as `rel=\"next\"`, if there is one"))), ReadProblems))]
pub(in crate::http) async fn search(
    State(app): State<App>,
    ReadRevision(revision): ReadRevision,
    QueryParams(params): QueryParams<SearchParams>,
) -> Result<Response> {
    // The command line marks the position of an error with a caret below it. This response is a single line, so it contains the position as
    // a number.
    let query = Query::parse(&params.q).map_err(|error| {
        Failure::malformed(format!("{error} (at character {})", error.position()))
    })?;
    let limit = match params.limit.unwrap_or(PAGE_SIZE_DEFAULT) {
        0 => return Err(Failure::malformed("`limit` must be at least 1")),
        limit => limit.min(PAGE_SIZE_MAX),
    };
    let scope = if params.history {
        SearchScope::History
    } else {
        SearchScope::Tree
    };
    let cursor = SearchCursor {
        after: params.after.as_deref().map(ModulePath::parse).transpose()?,
        skip: params.skip,
    };
    let detail = if params.matched {
        SearchDetail::Matched
    } else {
        SearchDetail::Hashes
    };
    let charge = match detail {
        // The texts of the page, and those of the modules that other paths may have, too.
        SearchDetail::Matched => FACTS_BYTES_MAX + 2 * MATCHED_BYTES_MAX as u64,
        SearchDetail::Hashes => 0,
    };
    let charge = app.charge(charge).await?;
    // A search may have to compare very many names or paths, so it runs as a long read.
    let (commit, page, charge) = app
        .run_long_read(move |store| {
            let search =
                |revision: &_| store.search(revision, &query, scope, detail, &cursor, limit);
            let (commit, page) = store.as_of(&revision, search)?;
            Ok((commit, page, charge))
        })
        .await?;
    let next = page.next.as_ref();
    let link = next.map(|next| next_search_link(&params.q, scope, detail, limit, next));
    let json = charged_json_response(&wire::SearchJson::from(page), charge)?;
    Ok((CommitHeader(commit), AppendHeaders(link), json).into_response())
}
