//! `/commits`, `/commit`, `/snapshot` and `/restore`: shows the history, and restores a part of it.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::http::commit_header::{ChangeHeaders, CommitHeader};
use crate::http::error::Result;
use crate::http::extract::{QueryParams, ReadRevision, UrlTail, WriteHeaders};
use crate::http::json_items::{JsonItems, ListKind};
use crate::http::json_list::{JsonList, charged_json};
use crate::http::openapi::{PathConditionHeaders, ReadProblems, WriteProblems};
use crate::http::pagination::Page;
use crate::http::routes::filtered_commits::{ChangeQuery, filtered_commits};
use crate::http::routes::selected_commits::{CommitFilterQuery, CommitPage};
use crate::http::state::App;
use crate::names::{CommitId, ModulePath, TreePath};
use crate::store::{LogOrder, Revision};
use crate::wire;
use crate::wire::schema::CommitHashSchema;

/// The number of commits on a page if the request has no `limit`.
const PAGE_SIZE_DEFAULT: usize = 1_000;

/// The query parameters that select a page of commits.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct CommitPageQuery {
    /// The maximum number of commits.
    #[param(minimum = 1, maximum = 10_000)]
    limit: Option<usize>,
    /// The last commit of the previous page.
    #[param(pattern = "^([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$")]
    after: Option<String>,
}

impl CommitPageQuery {
    /// Returns the commit after which the page begins, and the size limits of the page.
    pub fn parse(&self) -> Result<(Option<CommitId>, Page)> {
        let after = self.after.as_deref().map(CommitId::parse).transpose()?;
        Ok((after, Page::new(self.limit.unwrap_or(PAGE_SIZE_DEFAULT))?))
    }
}

/// The query parameter that selects the order of the commits.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct OrderQuery {
    /// `newest-first` sorts by commit date; `children-first` lists each commit before its parents, whatever their dates are.
    #[param(inline)]
    order: Option<CommitOrder>,
}

#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
enum CommitOrder {
    NewestFirst,
    ChildrenFirst,
}

/// The query parameter that adds the hash of the module to each listed commit of a path.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct AuditQuery {
    /// Add to each commit the hash of the module at the path in that commit; null if the commit removed the module.
    #[serde(default)]
    modules: bool,
}

/// Lists the commits of the branch, newest first
#[utoipa::path(get, operation_id = "list_all_commits", path = "/commits", tag = "history",
    params(ReadRevision, CommitPageQuery, OrderQuery, CommitFilterQuery),
    responses((status = 200, description = "Commits", body = Vec<wire::CommitJson>,
        headers(("Link" = String, description = "The next page, as `rel=\"next\"`, if there is one"))), ReadProblems))]
pub(in crate::http) async fn commits_all(
    State(app): State<App>,
    ReadRevision(revision): ReadRevision,
    QueryParams(page): QueryParams<CommitPageQuery>,
    QueryParams(order): QueryParams<OrderQuery>,
    QueryParams(filter): QueryParams<CommitFilterQuery>,
) -> Result<Response> {
    let (after, page) = page.parse()?;
    let filter = filter.parse()?;
    let (order, link_query) = match order.order {
        None | Some(CommitOrder::NewestFirst) => (LogOrder::NewestFirst, ""),
        Some(CommitOrder::ChildrenFirst) => (LogOrder::ChildrenFirst, "&order=children-first"),
    };
    let link_query = wire::commit_filter_query(&filter) + link_query;
    let list = JsonList::new(
        ListKind::Array,
        move |store, revision, after: Option<&CommitId>, items: &mut JsonItems| {
            let mut page = CommitPage::new(&filter, items);
            store.log_after(revision, order, after.copied(), |commit| {
                page.add(&commit, |items| {
                    items.push(&wire::CommitJson::from(&commit))
                })
            })?;
            Ok(page.next())
        },
    );
    let link = |last: &CommitId| (last.to_string(), link_query.as_str());
    list.respond_with_page(&app, revision, after, (page, link))
        .await
}

/// Lists the commits that changed a path, newest first
///
/// If the path is a directory, lists the commits that changed, added or removed a module in it, without the field `module`. The
/// server compares 20,000 commits per page, so a page may have few commits or none; the next page continues.
///
/// With `import`, `export` or `grew`, lists only the commits whose version of the module differs in this way from the version of every
/// parent. The server compares for about a second per page, so a page may have few commits or none; the next page continues.
#[utoipa::path(get, operation_id = "list_commits", path = "/commits/{*path}", tag = "history",
    params(ReadRevision, CommitPageQuery, AuditQuery, ChangeQuery, CommitFilterQuery),
    responses((status = 200, description = "Commits", body = Vec<wire::PathCommitJson>,
        headers(("Link" = String, description = "The next page, as `rel=\"next\"`, if there is one"))), ReadProblems))]
pub(in crate::http) async fn commits(
    State(app): State<App>,
    ReadRevision(revision): ReadRevision,
    tail: UrlTail,
    QueryParams(page): QueryParams<CommitPageQuery>,
    QueryParams(audit): QueryParams<AuditQuery>,
    QueryParams(changes): QueryParams<ChangeQuery>,
    QueryParams(filter): QueryParams<CommitFilterQuery>,
) -> Result<Response> {
    let path = tail.parse(ModulePath::parse)?;
    let (after, page) = page.parse()?;
    let (changes, filter) = (changes.parse()?, filter.parse()?);
    if !changes.is_empty() {
        return filtered_commits(&app, revision, path, (changes, filter), (after, page)).await;
    }
    let has_modules = audit.modules;
    let link_query = wire::commit_filter_query(&filter);
    let list = JsonList::new(
        ListKind::Array,
        move |store, revision, after: Option<&CommitId>, items: &mut JsonItems| {
            if store.has_directory_log(revision, &path)? {
                let mut page = CommitPage::comparing(&filter, items);
                store.log_directory_after(revision, &path, after.copied(), |id, commit| {
                    match commit {
                        None => page.skip(id),
                        Some(commit) => page.add(&commit, |items| {
                            items.push(&wire::PathCommitJson::from(&commit))
                        }),
                    }
                })?;
                return Ok(page.next());
            }
            let mut page = CommitPage::new(&filter, items);
            store.audit_after(revision, &path, after.copied(), |entry| {
                page.add(&entry.commit, |items| {
                    items.push(&wire::PathCommitJson::new(&entry, has_modules))
                })
            })?;
            Ok(page.next())
        },
    );
    let link_query = if has_modules { "&modules=true" } else { "" }.to_owned() + &link_query;
    let link = |last: &CommitId| (last.to_string(), link_query.as_str());
    list.respond_with_page(&app, revision, after, (page, link))
        .await
}

/// Returns the commit at the branch's tip
#[utoipa::path(get, operation_id = "get_snapshot", path = "/snapshot", tag = "history",
    params(ReadRevision),
    responses((status = 200, description = "The commit", body = CommitHashSchema, content_type = "text/plain"), ReadProblems))]
pub(in crate::http) async fn snapshot(
    State(app): State<App>,
    ReadRevision(revision): ReadRevision,
) -> Result<Response> {
    let commit = app
        .run_read(move |store| Ok(store.snapshot(&revision)?))
        .await?;
    Ok((CommitHeader(Some(commit)), commit.to_string()).into_response())
}

/// Returns a commit
#[utoipa::path(get, operation_id = "get_commit", path = "/commit/{*commit}", tag = "history",
    responses((status = 200, description = "The commit", body = wire::OriginalCommitJson), ReadProblems))]
pub(in crate::http) async fn commit(State(app): State<App>, tail: UrlTail) -> Result<Response> {
    let revision = tail.parse(Revision::parse)?.on_branch(app.branch(None));
    let commit = app
        .run_read(move |store| Ok(store.commit(store.commit_id(&revision)?)?))
        .await?;
    let json = wire::OriginalCommitJson::from(wire::CommitJson::from(&commit));
    let body = charged_json(&app, &json)?;
    Ok((CommitHeader(Some(commit.id)), body).into_response())
}

/// Restores the whole tree of a commit
#[utoipa::path(post, path = "/restore/{commit}", tag = "history",
    params(WriteHeaders, PathConditionHeaders),
    responses((status = 200, description = "The tree is as in the commit"), WriteProblems))]
pub(in crate::http) async fn restore_all(
    app: State<App>,
    headers: WriteHeaders,
    tail: UrlTail,
) -> Result<ChangeHeaders> {
    restore(app, headers, tail).await
}

/// Restores the module or directory that a commit has at a path
#[utoipa::path(post, path = "/restore/{commit}/{*path}", tag = "history",
    params(WriteHeaders, PathConditionHeaders),
    responses((status = 200, description = "The path is as in the commit"), WriteProblems))]
pub(in crate::http) async fn restore(
    State(app): State<App>,
    WriteHeaders(change): WriteHeaders,
    tail: UrlTail,
) -> Result<ChangeHeaders> {
    let (commit, scope) = tail.parse(|tail| {
        let (commit, path) = tail.split_once('/').unwrap_or((tail, ""));
        Revision::parse(commit).and_then(|commit| Ok((commit, TreePath::parse(path)?)))
    })?;
    let commit = commit.on_branch(change.branch.clone());
    let restored = app.publish(move |store| Ok(store.restore_from(&change, &commit, &scope)?));
    Ok(restored.await?.0)
}
