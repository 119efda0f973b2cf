//! The history: commits, and bringing back what they had.

use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::Deserialize;

use crate::http::commit_header::At;
use crate::http::error::Result;
use crate::http::extract::{Changing, Params, Reading, Rest};
use crate::http::json::Json;
use crate::http::openapi::{ChangeProblems, ReadProblems};
use crate::http::pagination;
use crate::http::state::App;
use crate::names::{CommitId, ModulePath, TreePath};
use crate::store::{AuditEntry, LogOrder};
use crate::wire;
use crate::wire::schema::CommitHashSchema;

/// How many commits are answered if nobody says how many.
const PAGE_DEFAULT: usize = 1_000;

/// Which part of a history is asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct Page {
    /// The most commits to answer.
    #[param(minimum = 1, maximum = 10_000)]
    limit: Option<usize>,
    /// Answer those that come after this commit, which is the last of the page before.
    #[param(pattern = "^([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$")]
    after: Option<String>,
}

/// In which order a history goes.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct Ordered {
    /// `newest-first`, by the committer's clock, or `children-first`: each commit before its parents whatever the clocks said.
    #[param(inline)]
    order: Option<Order>,
}

#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Order {
    NewestFirst,
    ChildrenFirst,
}

/// What is told with each commit that changed a path.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct Told {
    /// Tell the hash of the module that it put there, too; null if it removed what was there.
    #[serde(default)]
    modules: bool,
}

impl Page {
    fn parse(&self) -> Result<(Option<CommitId>, usize)> {
        let after = self.after.as_deref().map(CommitId::parse).transpose()?;
        Ok((
            after,
            pagination::limit(self.limit.unwrap_or(PAGE_DEFAULT))?,
        ))
    }
}

/// Lists the commits of the branch, the newest first
#[utoipa::path(get, operation_id = "list_all_commits", path = "/api/v1/commits", tag = "history",
    params(Reading, Page, Ordered),
    responses((status = 200, description = "Commits", body = Vec<wire::CommitJson>,
        headers(("Link" = String, description = "The next page, as `rel=\"next\"`, if there is more"))), ReadProblems))]
pub(in crate::http) async fn commits_all(
    State(app): State<App>,
    Reading(at): Reading,
    Params(page): Params<Page>,
    Params(ordered): Params<Ordered>,
) -> Result<Response> {
    let (after, limit) = page.parse()?;
    let (order, also) = match ordered.order {
        None | Some(Order::NewestFirst) => (LogOrder::NewestFirst, ""),
        Some(Order::ChildrenFirst) => (LogOrder::ChildrenFirst, "&order=children-first"),
    };
    let (commit, (commits, has_more)) = app
        .run(move |store| Ok(store.as_of(&at, |at| store.commits_page(at, order, after, limit))?))
        .await?;
    let last = commits.last().filter(|_| has_more);
    let next = last.map(|last| pagination::next("commits", "", limit, &last.id.to_string(), also));
    let commits: Vec<_> = commits.iter().map(wire::CommitJson::from).collect();
    Ok((At(commit), AppendHeaders(next), Json(&commits)).into_response())
}

/// Lists the commits that changed a path, the newest first
#[utoipa::path(get, operation_id = "list_commits", path = "/api/v1/commits/{path}", tag = "history",
    params(Reading, Page, Told),
    responses((status = 200, description = "Commits", body = Vec<wire::PathCommitJson>,
        headers(("Link" = String, description = "The next page, as `rel=\"next\"`, if there is more"))), ReadProblems))]
pub(in crate::http) async fn commits(
    State(app): State<App>,
    Reading(at): Reading,
    path: Rest,
    Params(page): Params<Page>,
    Params(told): Params<Told>,
) -> Result<Response> {
    let of = path.parse(ModulePath::parse)?;
    let (after, limit) = page.parse()?;
    let below = of.as_str().to_owned();
    let (commit, (entries, has_more)) = app
        .run(move |store| Ok(store.as_of(&at, |at| store.audit_page(at, &of, after, limit))?))
        .await?;
    let last = entries.last().filter(|_| has_more);
    let also = if told.modules { "&modules=true" } else { "" };
    let next = last
        .map(|last| pagination::next("commits", &below, limit, &last.commit.id.to_string(), also));
    let entry = |entry: &AuditEntry| wire::PathCommitJson::new(entry, told.modules);
    let commits: Vec<_> = entries.iter().map(entry).collect();
    Ok((At(commit), AppendHeaders(next), Json(&commits)).into_response())
}

/// Tells the commit that the branch is at
#[utoipa::path(get, operation_id = "get_snapshot", path = "/api/v1/snapshot", tag = "history",
    params(Reading),
    responses((status = 200, description = "The commit", body = CommitHashSchema, content_type = "text/plain"), ReadProblems))]
pub(in crate::http) async fn snapshot(
    State(app): State<App>,
    Reading(at): Reading,
) -> Result<Response> {
    let commit = app.run(move |store| Ok(store.snapshot(&at)?)).await?;
    Ok((At(Some(commit)), commit.to_string()).into_response())
}

/// Tells about a commit
#[utoipa::path(get, operation_id = "get_commit", path = "/api/v1/commit/{commit}", tag = "history",
    responses((status = 200, description = "The commit", body = wire::CommitJson), ReadProblems))]
pub(in crate::http) async fn commit(State(app): State<App>, commit: Rest) -> Result<Response> {
    let commit = commit.parse(CommitId::parse)?;
    let commit = app.run(move |store| Ok(store.commit(commit)?)).await?;
    let at = At(Some(commit.id));
    Ok((at, Json(&wire::CommitJson::from(&commit))).into_response())
}

/// Brings back all that a commit had
#[utoipa::path(post, path = "/api/v1/restore/{commit}", tag = "history",
    params(Changing),
    responses((status = 200, description = "It is as it was"), ChangeProblems))]
pub(in crate::http) async fn restore_all(
    app: State<App>,
    change: Changing,
    commit: Rest,
) -> Result<At> {
    restore(app, change, commit).await
}

/// Brings back what a commit had at a path
#[utoipa::path(post, path = "/api/v1/restore/{commit}/{path}", tag = "history",
    params(Changing),
    responses((status = 200, description = "It is as it was"), ChangeProblems))]
pub(in crate::http) async fn restore(
    State(app): State<App>,
    Changing(change): Changing,
    rest: Rest,
) -> Result<At> {
    let (commit, scope) = rest.parse(|rest| {
        let (commit, path) = rest.split_once('/').unwrap_or((rest, ""));
        CommitId::parse(commit).and_then(|commit| Ok((commit, TreePath::parse(path)?)))
    })?;
    let restored = app.change(move |store| Ok(store.restore(&change, commit, &scope)?));
    Ok(restored.await?.0)
}

/// Undoes the newest change
#[utoipa::path(post, path = "/api/v1/rollback", tag = "history",
    params(Changing),
    responses((status = 200, description = "It is as before"), ChangeProblems))]
pub(in crate::http) async fn rollback_all(app: State<App>, change: Changing) -> Result<At> {
    rollback(app, change, Rest::default()).await
}

/// Undoes the newest change at a path
#[utoipa::path(post, path = "/api/v1/rollback/{path}", tag = "history",
    params(Changing),
    responses((status = 200, description = "It is as before"), ChangeProblems))]
pub(in crate::http) async fn rollback(
    State(app): State<App>,
    Changing(change): Changing,
    Rest(scope): Rest,
) -> Result<At> {
    let scope = TreePath::parse(&scope)?;
    let undone = app.change(move |store| Ok(store.rollback(&change, &scope)?));
    Ok(undone.await?.0)
}
