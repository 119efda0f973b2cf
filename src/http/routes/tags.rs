//! `/tags` and `/tag`: lists, returns, creates and deletes git tags.

use std::ops::ControlFlow;

use axum::Extension;
use axum::extract::State;
use axum::http::header::ETAG;
use axum::http::{Method, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::Deserialize;

use crate::http::charged::charged_response;
use crate::http::commit_header::{ChangeHeaders, CommitHeader};
use crate::http::error::Result;
use crate::http::extract::{
    QueryParams, ReadConditions, UrlTail, WriteHeaders, parse_revision, reject_path_conditions,
};
use crate::http::json_items::{JsonItems, ListKind};
use crate::http::json_list::charged_json;
use crate::http::middleware::auth::Caller;
use crate::http::module::etag::{self, Freshness};
use crate::http::openapi::{Problems, ReadProblems, WriteProblems};
use crate::http::pagination::{Page, next_page_link};
use crate::http::state::App;
use crate::names::TagName;
use crate::store::{ExistingTag, Revision};
use crate::wire::schema::CommitHashSchema;
use crate::wire::{MOVED_FROM, TagJson};

/// The number of tags on a page if the request has no `limit`.
const PAGE_SIZE_DEFAULT: usize = 1_000;

/// The error text if the API key does not allow the client to replace tags.
const REPLACE_REFUSED: &str = "the key does not allow DELETE, which `force` needs, because it moves an existing tag to another commit";

/// The query parameters that select a page of tags.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct TagPageQuery {
    /// The maximum number of tags.
    #[param(minimum = 1, maximum = 10_000)]
    limit: Option<usize>,
    /// List only the tags whose names sort after this one.
    #[param(min_length = 1)]
    after: Option<String>,
}

/// Lists the tags, sorted by name
///
/// The tags of the OCI registry are not listed, because they name modules and not commits.
#[utoipa::path(get, operation_id = "list_tags", path = "/tags", tag = "tags", params(TagPageQuery),
    responses((status = 200, description = "The tags", body = Vec<TagJson>,
        headers(("Link" = String, description = "The next page, as `rel=\"next\"`, if there is one"))), Problems))]
pub(in crate::http) async fn list(
    State(app): State<App>,
    QueryParams(query): QueryParams<TagPageQuery>,
) -> Result<Response> {
    let after = query.after.as_deref().map(TagName::parse).transpose()?;
    let page = Page::new(query.limit.unwrap_or(PAGE_SIZE_DEFAULT))?;
    let charge = app.charge(page.bytes_max() as u64).await?;
    let (json, last) = app
        .run_read(move |store| {
            let mut items = JsonItems::first(ListKind::Array, page.bytes_max(), page.items_max());
            let (mut last, mut has_more) = (None, false);
            store.tags_after(after.as_ref(), |tag| {
                let tag = TagJson::from(tag);
                if !items.push(&tag) {
                    has_more = true;
                    return ControlFlow::Break(());
                }
                last = Some(tag.name.0);
                ControlFlow::Continue(())
            })?;
            Ok((items.finish(true), last.filter(|_| has_more)))
        })
        .await?;
    let link = last.map(|last| next_page_link(page.items_max(), last.as_str(), ""));
    let body = charged_response("application/json", json, charge)?;
    Ok((AppendHeaders(link), body).into_response())
}

/// Returns a tag
#[utoipa::path(get, operation_id = "get_tag", path = "/tag/{*tag}", tag = "tags",
    params(ReadConditions),
    responses(
        (status = 200, description = "The tag", body = TagJson,
            headers(("ETag" = String, description = "The id of the tag object, or of the commit if the tag is not annotated, in quotes"))),
        (status = 304, description = "The client already has the tag"),
        ReadProblems))]
pub(in crate::http) async fn get(
    State(app): State<App>,
    ReadConditions(conditions): ReadConditions,
    tail: UrlTail,
) -> Result<Response> {
    let name = tail.parse(TagName::parse)?;
    let tag = app.run_read(move |store| Ok(store.tag(&name)?)).await?;
    let entity_tag = tag.entity_tag();
    let headers = (
        CommitHeader(Some(tag.commit)),
        AppendHeaders([(ETAG, format!("\"{entity_tag}\""))]),
    );
    if let Freshness::NotModified = etag::evaluate(&conditions, &entity_tag)? {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let body = charged_json(&app, &TagJson::from(tag))?;
    Ok((headers, body).into_response())
}

/// The query parameters for creating a tag.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct NewTagQuery {
    /// The branch, tag or commit that the tag names. Default: the selected branch.
    #[param(min_length = 1)]
    from: Option<String>,
    /// Replace the tag if it exists.
    #[serde(default)]
    force: bool,
}

/// Creates a tag
///
/// With `Wasmstore-Message`, the tag is annotated: it has that message, and the author of the request. A precondition is checked against
/// the entity tag of the existing tag, and may also name the commit that it leads to. Replacing a tag needs a key that allows DELETE in addition to
/// POST.
#[utoipa::path(post, operation_id = "create_tag", path = "/tag/{*tag}", tag = "tags",
    params(WriteHeaders, NewTagQuery),
    responses((status = 200, description = "The tag is created",
        headers(("Wasmstore-Moved-From" = CommitHashSchema, description = "The commit of the tag that was replaced"))), WriteProblems))]
pub(in crate::http) async fn create(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    WriteHeaders(change): WriteHeaders,
    tail: UrlTail,
    QueryParams(query): QueryParams<NewTagQuery>,
) -> Result<impl IntoResponse> {
    reject_path_conditions(&change.path_conditions)?;
    let tag = tail.parse(TagName::parse)?;
    let from = match query.from.as_deref() {
        None => Revision::Branch(change.branch.clone()),
        Some(text) => parse_revision(text)?.on_branch(change.branch.clone()),
    };
    let existing = if query.force {
        caller.require(&Method::DELETE, REPLACE_REFUSED)?;
        ExistingTag::Replace
    } else {
        ExistingTag::Refuse
    };
    let created = app.run_write(move |store| Ok(store.create_tag(&change, &tag, &from, existing)?));
    let created = created.await?;
    let moved = created.value.map(|from| (MOVED_FROM, from.to_string()));
    Ok((ChangeHeaders::from(&created), AppendHeaders(moved)))
}

/// Deletes a tag
///
/// A precondition is checked against the entity tag of the tag, so that a tag with another message is not deleted. It may also name the
/// commit that the tag leads to: then an annotated tag of the same commit is deleted, whatever its message. `Wasmstore-Commit` in the
/// response is that commit.
#[utoipa::path(delete, operation_id = "delete_tag", path = "/tag/{*tag}", tag = "tags",
    params(WriteHeaders),
    responses((status = 200, description = "The tag is deleted"), WriteProblems))]
pub(in crate::http) async fn delete(
    State(app): State<App>,
    WriteHeaders(change): WriteHeaders,
    tail: UrlTail,
) -> Result<ChangeHeaders> {
    reject_path_conditions(&change.path_conditions)?;
    let tag = tail.parse(TagName::parse)?;
    let deleted = app.run_write(move |store| Ok(store.delete_tag(&change, &tag)?));
    Ok(ChangeHeaders::from(&deleted.await?))
}
