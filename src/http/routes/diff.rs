//! `/diff`: the modules that differ between two trees, and the differences between two versions of one module.

use std::ops::ControlFlow;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::http::commit_header::CommitHeader;
use crate::http::error::{Failure, Result};
use crate::http::extract::{QueryParams, parse_revision};
use crate::http::json_items::{JsonItems, ListKind};
use crate::http::json_list::{JsonList, charged_json};
use crate::http::openapi::ReadProblems;
use crate::http::pagination::Page;
use crate::http::state::App;
use crate::names::{CommitId, ModulePath, TreePath};
use crate::store::{PathChange, Revision, Store};
use crate::wire::{self, encode_query_value};

/// The number of paths on a page if the request has no `limit`.
const PAGE_SIZE_DEFAULT: usize = 1_000;

/// The size limit on the list of differences between two versions of one module, in bytes. Further differences are left out.
pub(super) const MODULE_BYTES_MAX: usize = 4 << 20;

/// The query parameters of a diff.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct DiffParams {
    /// The old branch, tag or commit.
    #[param(min_length = 1, example = "main")]
    from: String,
    /// The new branch, tag or commit.
    #[param(min_length = 1, example = "main")]
    to: String,
    /// Compare only this module or directory.
    path: Option<String>,
    /// The maximum number of paths.
    #[param(minimum = 1, maximum = 10_000)]
    limit: Option<usize>,
    /// List only the paths that sort after this one.
    #[param(pattern = r"^[^\u0000-\u001f\u007f-\u009f\\]+$")]
    after: Option<String>,
}

/// Lists the modules that differ between two branches or commits, sorted by path
///
/// If `path` is the path of an updated module, the only item contains the differences in the interfaces and sizes of its two versions, and
/// says whether the newer version can replace the older one.
#[utoipa::path(get, operation_id = "diff", path = "/diff", tag = "history", params(DiffParams),
    responses((status = 200, description = "The paths that differ", body = Vec<wire::PathDiff>,
        headers(("Link" = String, description = "The next page, as `rel=\"next\"`, if there is one"))), ReadProblems))]
pub(in crate::http) async fn diff(
    State(app): State<App>,
    QueryParams(params): QueryParams<DiffParams>,
) -> Result<Response> {
    let revision = |text: &str| Ok::<_, Failure>(parse_revision(text)?.on_branch(app.branch(None)));
    let (from, to) = (revision(&params.from)?, revision(&params.to)?);
    let path = TreePath::parse(params.path.as_deref().unwrap_or("/"))?;
    let after = params.after.as_deref().map(ModulePath::parse).transpose()?;
    let page = Page::new(params.limit.unwrap_or(PAGE_SIZE_DEFAULT))?;
    let at = path.clone();
    let (from, to, updated) = app
        .run_read(move |store| {
            // The commits are resolved here and named in the link to the next page, so that all pages compare the same commits.
            let (from, to) = (store.snapshot(&from)?, store.snapshot(&to)?);
            Ok((from, to, updated_module(store, from, to, &at)?))
        })
        .await?;
    if let Some((change, size_bytes)) = updated
        && after.is_none()
    {
        return compare(&app, to, change, size_bytes).await;
    }
    let query = format!(
        "&from={from}&to={to}&path={}",
        encode_query_value(path.as_str())
    );
    let old = Revision::Commit(from);
    let list = JsonList::new(
        ListKind::Array,
        move |store, new, after: Option<&ModulePath>, items: &mut JsonItems| {
            let (mut last, mut has_more) = (None, false);
            store.diff_after((&old, new), &path, after, |change| {
                let Some(diff) = wire::PathDiff::new(&change, None) else {
                    return ControlFlow::Continue(());
                };
                if !items.push(&diff) {
                    has_more = true;
                    return ControlFlow::Break(());
                }
                last = Some(change.path);
                ControlFlow::Continue(())
            })?;
            Ok(last.filter(|_| has_more))
        },
    );
    let link = |last: &ModulePath| (last.to_string(), &*query);
    list.respond_with_page(&app, Revision::Commit(to), after, (page, link))
        .await
}

/// Returns the change of the module at `path`, and the size of both versions together, in bytes. Returns `None` if no module at that path
/// was updated.
fn updated_module(
    store: &Store,
    from: CommitId,
    to: CommitId,
    path: &TreePath,
) -> Result<Option<(PathChange, u64)>> {
    if path.is_root() {
        return Ok(None);
    }
    let mut updated = None;
    store.diff(
        &Revision::Commit(from),
        &Revision::Commit(to),
        path,
        |change| {
            // Changes are sorted by path, so if a module at `path` itself has changed, its change is the first one.
            updated = (change.path.as_tree_path() == path).then_some(change);
            ControlFlow::Break(())
        },
    )?;
    match updated {
        Some(change) => match (change.old, change.new) {
            (Some(old), Some(new)) => {
                let size_bytes = store
                    .size_bytes(old)?
                    .saturating_add(store.size_bytes(new)?);
                Ok(Some((change, size_bytes)))
            }
            _ => Ok(None),
        },
        None => Ok(None),
    }
}

/// Responds with the differences between the two versions of an updated module.
async fn compare(
    app: &App,
    commit: CommitId,
    change: PathChange,
    size_bytes: u64,
) -> Result<Response> {
    let memory = app.charge(size_bytes).await?;
    let diff = app
        .run_long_read(move |store| {
            let _memory = memory;
            let comparison = store.compare(&change)?;
            let mut diff = wire::PathDiff::new(&change, comparison.as_ref());
            if let Some(diff) = &mut diff {
                diff.cut(MODULE_BYTES_MAX);
            }
            Ok(diff)
        })
        .await?;
    let json = charged_json(app, &diff.as_slice())?;
    Ok((CommitHeader(Some(commit)), json).into_response())
}
