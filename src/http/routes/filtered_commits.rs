//! `/commits/{path}` with a filter: the commits that made certain changes to the module at a path.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::Deserialize;

use crate::http::charged::charged_response;
use crate::http::commit_header::CommitHeader;
use crate::http::error::{Failure, Result};
use crate::http::json_items::{JsonItems, ListKind};
use crate::http::pagination::{Page, next_page_link};
use crate::http::state::App;
use crate::names::CommitId;
use crate::names::ModulePath;
use crate::store::{self, ChangeFilter, CommitFilter, ItemPattern, Revision, Store};
use crate::wire::{self, commit_filter_query, filter_query};

/// The maximum number of commits that are compared with their parents for one page.
const COMPARED_MAX: usize = 1_000;

/// The time after which no further commit is compared for one page.
const COMPARED_TIME_MAX: Duration = Duration::from_secs(1);

/// The memory for the facts about the module (imports, exports, sizes) in a commit and in its parents, in bytes.
const FACTS_BYTES_MAX: u64 = 4 << 20;

/// The query parameters that select commits by their changes to a module.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct ChangeQuery {
    /// List the commits at which an import that matches this pattern was added, was removed, or changed its version or type. The pattern
    /// has the same syntax as `import:` in a search.
    #[param(example = "wasi:http@0.2", max_length = 4096)]
    import: Option<String>,
    /// List the commits at which an export that matches this pattern was added, was removed, or changed its version or type.
    #[param(example = "run", max_length = 4096)]
    export: Option<String>,
    /// List the commits at which the size of the module grew by at least this percentage.
    #[param(
        example = "10%",
        pattern = r"^[0-9]+(\.[0-9]{1,4})?%$",
        max_length = 20
    )]
    grew: Option<String>,
}

impl ChangeQuery {
    /// Parses the parameters. Without any of them, the returned filter is empty.
    pub fn parse(&self) -> Result<ChangeFilter> {
        Ok(ChangeFilter {
            import: parse_pattern(self.import.as_deref())?,
            export: parse_pattern(self.export.as_deref())?,
            grew: match &self.grew {
                Some(text) => {
                    let parsed = text.parse();
                    Some(parsed.map_err(|error: store::GrowthError| {
                        Failure::malformed(error.to_string())
                    })?)
                }
                None => None,
            },
        })
    }
}

fn parse_pattern(text: Option<&str>) -> Result<Option<ItemPattern>> {
    let parsed = text.map(ItemPattern::parse).transpose();
    parsed
        .map_err(|error| Failure::malformed(format!("{error} (at character {})", error.position())))
}

/// Responds with one page of the commits that the filter selects.
pub(super) async fn filtered_commits(
    app: &App,
    revision: Revision,
    path: ModulePath,
    (filter, commits): (ChangeFilter, CommitFilter),
    (after, page): (Option<CommitId>, Page),
) -> Result<Response> {
    let link_query = filter_query(&filter) + &commit_filter_query(&commits);
    // If the index does not have the facts about a module, the module must be read. The memory for all reads is charged in one step, so
    // that the request holds no memory while it waits for memory.
    let (at, wanted) = ((revision.clone(), path.clone()), filter.clone());
    let module_bytes = app
        .run_read(move |store| {
            let ((revision, path), count) = (at, (after, COMPARED_MAX));
            let largest =
                |revision: &_| store.largest_without_facts(revision, &path, &wanted, count);
            Ok(store.as_of(&revision, largest)?.1)
        })
        .await?;
    let bytes = page.bytes_max() as u64 + FACTS_BYTES_MAX + module_bytes;
    let charge = app.charge(bytes).await?;
    let (commit, items, last, charge) = app
        .run_long_read(move |store| {
            let list = |revision: &_| {
                let mut items =
                    JsonItems::first(ListKind::Array, page.bytes_max(), page.items_max());
                let last = push_page(
                    store,
                    revision,
                    (&path, &filter, &commits),
                    after,
                    &mut items,
                )?;
                Ok((items, last))
            };
            let (commit, (items, last)) = store.as_of(&revision, list)?;
            Ok((commit, items, last, charge))
        })
        .await?;
    let link = last.map(|last| next_page_link(page.items_max(), &last.to_string(), &link_query));
    let body = charged_response("application/json", items.finish(true), charge)?;
    Ok((CommitHeader(commit), AppendHeaders(link), body).into_response())
}

/// Adds the commits of one page to `items`. Returns the last commit that was compared with its parents, or `None` if there are no further
/// commits.
fn push_page(
    store: &Store,
    revision: &Revision,
    (path, filter, commits): (&ModulePath, &ChangeFilter, &CommitFilter),
    after: Option<CommitId>,
    items: &mut JsonItems,
) -> store::Result<Option<CommitId>> {
    let (started, mut compared, mut last, mut has_more) = (Instant::now(), 0, None, false);
    store.log_path_after(revision, path, filter, after, |id, matched| {
        let is_over =
            compared == COMPARED_MAX || compared > 0 && started.elapsed() >= COMPARED_TIME_MAX;
        let matched = matched.filter(|matched| commits.selects(&matched.commit));
        has_more = is_over
            || matched.is_some_and(|matched| !items.push(&wire::PathCommitJson::from(matched)));
        if has_more {
            return ControlFlow::Break(());
        }
        (compared, last) = (compared + 1, Some(id));
        ControlFlow::Continue(())
    })?;
    Ok(last.filter(|_| has_more))
}
