//! Handler of the search screen.

use std::time::{Duration, Instant};

use axum::response::Response;
use serde::Deserialize;

use super::screen::{Answer, Content, PageSnapshot, Screen};
use crate::http::error::{Failure, Result};
use crate::http::extract::QueryParams;
use crate::names::ModulePath;
use crate::store::{ErrorKind, Query, SearchCursor, SearchDetail, SearchMatch, SearchScope};
use crate::web::search::{FoundRow, Outcome, SearchPage};
use crate::web::text::plain;
use crate::web::{Section, Site};

/// The number of matches on a page.
const PAGE_SIZE: usize = 50;

/// The number of matching items (such as imports and exports) that are shown for each module.
const ITEMS: usize = 4;

/// The maximum time for looking up matching items for one page. After that, the remaining matches are listed without items.
const ITEMS_TIME_MAX: Duration = Duration::from_millis(500);

/// The maximum memory of the facts about a module (its imports, exports and metadata) while matching items are looked up, in bytes.
const FACTS_BYTES: u64 = 8 << 20;

/// The query parameters of a search.
#[derive(Deserialize)]
pub(super) struct SearchParams {
    #[serde(default)]
    q: String,
    #[serde(default)]
    history: bool,
    after: Option<String>,
    #[serde(default)]
    skip: usize,
}

pub(super) async fn search(
    screen: Screen,
    QueryParams(params): QueryParams<SearchParams>,
) -> Result<Response> {
    let after = params.after.as_deref().map(ModulePath::parse).transpose()?;
    let cursor = SearchCursor {
        after,
        skip: params.skip,
    };
    let render =
        move |snapshot: &PageSnapshot<'_>| page(snapshot, params.q.trim(), params.history, &cursor);
    screen.respond_with_memory(FACTS_BYTES, render).await
}

fn page(
    snapshot: &PageSnapshot<'_>,
    text: &str,
    has_history: bool,
    cursor: &SearchCursor,
) -> Result<Answer> {
    let (outcome, words) = match Query::parse(text) {
        _ if text.is_empty() => (Outcome::NoQuery, Vec::new()),
        Err(error) => {
            let excerpt = error.excerpt();
            (Outcome::Malformed(error.to_string(), excerpt), Vec::new())
        }
        Ok(query) => {
            let words = query.words().into_iter().map(str::to_owned).collect();
            (found(snapshot, &query, has_history, cursor)?, words)
        }
    };
    let page = SearchPage {
        site: snapshot.site,
        place: snapshot.place,
        branches: &snapshot.branches,
        query: text,
        words: &words,
        has_history,
        outcome: &outcome,
    };
    Ok(Answer::Page(Content {
        title: if text.is_empty() {
            "Search".to_owned()
        } else {
            format!("Search for {}", plain(text, 100))
        },
        section: Section::Search,
        query: text.to_owned(),
        markup: page.render(),
        is_cacheable: match &outcome {
            Outcome::Found(rows, _, pending) => {
                *pending == 0 && rows.iter().all(|row| row.items.is_some())
            }
            Outcome::NoQuery | Outcome::Malformed(..) => true,
        },
    }))
}

fn found(
    snapshot: &PageSnapshot<'_>,
    query: &Query,
    has_history: bool,
    cursor: &SearchCursor,
) -> Result<Outcome> {
    let scope = if has_history {
        SearchScope::History
    } else {
        SearchScope::Tree
    };
    let page = snapshot.store.search(
        &snapshot.revision,
        query,
        scope,
        SearchDetail::Hashes,
        cursor,
        PAGE_SIZE,
    );
    let page = page.map_err(|error| match error.kind() {
        ErrorKind::Malformed => Failure::malformed(error.to_string()),
        _ => error.into(),
    })?;
    let started = Instant::now();
    let rows = page.matches.into_iter().map(|found| {
        let has_time = started.elapsed() < ITEMS_TIME_MAX;
        row(snapshot, query, found, has_time)
    });
    let rows = rows.collect::<Result<Vec<_>>>()?;
    let next = page.next.map(|next| {
        let mut url = snapshot.site.search_for(snapshot.place, &query.to_string());
        if has_history {
            url = Site::and(&url, "history", true);
        }
        if let Some(after) = &next.after {
            url = Site::and(&url, "after", after.as_str());
        }
        if next.skip > 0 {
            url = Site::and(&url, "skip", next.skip);
        }
        url
    });
    Ok(Outcome::Found(rows, next, page.pending))
}

fn row(
    snapshot: &PageSnapshot<'_>,
    query: &Query,
    found: SearchMatch,
    has_time: bool,
) -> Result<FoundRow> {
    let items = has_time.then(|| snapshot.store.found_items(query, found.hash, ITEMS));
    Ok(FoundRow {
        commit: found
            .commit
            .map(|commit| snapshot.store.commit(commit))
            .transpose()?,
        summary: snapshot.store.module_summary(found.hash),
        items: items.transpose()?,
        found,
    })
}
