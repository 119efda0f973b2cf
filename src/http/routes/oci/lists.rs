//! Lists the repositories of the OCI registry, the tags of a repository, and the referrers of a manifest.

use axum::http::header::{CONTENT_TYPE, LINK};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::http::charged::{charged_json_response, json_bytes};
use crate::http::error::Result;
use crate::http::extract::QueryParams;
use crate::http::state::App;
use crate::names::{OciDigest, OciTag, RepositoryName};
use crate::oci::{self, IMAGE_INDEX};
use crate::wire::encode_query_value;

/// The maximum number of items in one response.
const ITEMS_MAX: usize = 10_000;

/// The response header that names the filters that the server has applied.
const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

#[derive(Debug, Deserialize)]
struct PageQuery {
    n: Option<usize>,
    last: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReferrersQuery {
    artifact_type: Option<String>,
    last: Option<String>,
}

pub(super) async fn tags(app: App, name: RepositoryName, parts: Parts) -> Result<Response> {
    let QueryParams(PageQuery { n, last }) = QueryParams::of(&parts.uri)?;
    let count = n.unwrap_or(ITEMS_MAX).min(ITEMS_MAX);
    let (app_of_read, repository) = (app.clone(), name.clone());
    let page = app.run_long_read(move |store| {
        let registry = &app_of_read.registry;
        Ok(registry.tags(store, &repository, last.as_deref(), count)?)
    });
    let page = page.await?;
    let tags: Vec<_> = page.tags.iter().map(OciTag::as_str).collect();
    let next = page.tags.last().filter(|_| page.has_more);
    let next = next.map(|last| format!("/v2/{name}/tags/list?n={count}&last={last}"));
    list(&app, &json!({ "name": name.as_str(), "tags": tags }), next).await
}

pub(super) async fn catalog(app: App, parts: Parts) -> Result<Response> {
    let QueryParams(PageQuery { n, last }) = QueryParams::of(&parts.uri)?;
    let count = n.unwrap_or(ITEMS_MAX).min(ITEMS_MAX);
    let app_of_read = app.clone();
    let page = app.run_long_read(move |store| {
        let registry = &app_of_read.registry;
        Ok(registry.repositories(store, last.as_deref(), count)?)
    });
    let (names, has_more) = page.await?;
    let next = names.last().filter(|_| has_more);
    let next = next.map(|last| {
        let last = encode_query_value(last.as_str());
        format!("/v2/_catalog?n={count}&last={last}")
    });
    let names: Vec<_> = names.iter().map(RepositoryName::as_str).collect();
    list(&app, &json!({ "repositories": names }), next).await
}

pub(super) async fn referrers(
    app: App,
    name: RepositoryName,
    digest: OciDigest,
    parts: Parts,
) -> Result<Response> {
    let QueryParams(ReferrersQuery {
        artifact_type,
        last,
    }) = QueryParams::of(&parts.uri)?;
    let after = last.map(|last| OciDigest::parse(&last).map_err(oci::Error::from));
    let after = after.transpose()?;
    let (app_of_read, repository, filter) = (app.clone(), name.clone(), artifact_type.clone());
    let page = app.run_long_read(move |store| {
        let registry = &app_of_read.registry;
        let filter = filter.as_deref();
        Ok(registry.referrers(store, &repository, &digest, filter, after.as_ref())?)
    });
    let page = page.await?;
    let filter = artifact_type.as_deref().map(encode_query_value);
    let next = page.next.map(|last| {
        let filter = filter.map(|filter| format!("&artifactType={filter}"));
        let filter = filter.unwrap_or_default();
        format!("/v2/{name}/referrers/{digest}?last={last}{filter}")
    });
    let mut response = list(&app, &page, next).await?;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(IMAGE_INDEX));
    if artifact_type.is_some() {
        headers.insert(FILTERS_APPLIED, HeaderValue::from_static("artifactType"));
    }
    Ok(response)
}

/// Responds with a list as JSON. `next` is the path and query of the next page.
async fn list(app: &App, list: &(impl Serialize + Sync), next: Option<String>) -> Result<Response> {
    let charge = app.charge(json_bytes(list)).await?;
    let mut response = charged_json_response(list, charge)?;
    if let Some(next) = next {
        let link = format!("<{}>; rel=\"next\"", app.base_path.join(&next));
        let link = link.parse().expect("BUG: encoded URLs are header values");
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}
