//! Adds entity tags to lists. The tag of a list is the id of the commit whose tree or history is listed.

use axum::extract::{FromRequestParts as _, MatchedPath, Request, State};
use axum::http::header::{ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::commit_header::CommitHeader;
use crate::http::error::Result;
use crate::http::extract::ReadRevision;
use crate::http::lists::LISTS;
use crate::http::module::etag::{self, Freshness};
use crate::http::state::App;
use crate::names::CommitId;

/// The value of `Vary`: the request headers that select the commit.
const SELECTING_HEADERS: HeaderValue =
    HeaderValue::from_static("Wasmstore-Branch, Wasmstore-Commit");

/// Adds the entity tag to lists, and responds with 304 if the client already has the list of this commit. This must be a layer of the
/// router that has the routes.
pub(in crate::http) async fn list_etag(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let is_list = path.is_some_and(|path| LISTS.contains(&path.as_str()));
    // With `details=true`, a list may change without a new commit: some details of a module become known only after its commit.
    let query = request.uri().query().unwrap_or_default();
    let has_details = query
        .split('&')
        .any(|parameter| parameter == "details=true");
    if !is_list || has_details || !matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let headers = condition_headers(request.headers());
    let (mut parts, body) = request.into_parts();
    if let Some(headers) = headers {
        match not_modified(&app, &headers, &mut parts).await {
            Ok(Some(response)) => return response,
            Ok(None) => {}
            Err(failure) => return failure.into_response(),
        }
    }
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if response.status() == StatusCode::OK
        && let Some(commit) = response.headers().get("wasmstore-commit")
        && let Ok(tag) = HeaderValue::from_bytes(&[b"\"", commit.as_bytes(), b"\""].concat())
    {
        response.headers_mut().insert(ETAG, tag);
        response.headers_mut().insert(VARY, SELECTING_HEADERS);
    }
    response
}

/// Returns a copy of the `If-None-Match` headers only; `None` if the request has none.
fn condition_headers(headers: &HeaderMap) -> Option<HeaderMap> {
    let values = headers.get_all(IF_NONE_MATCH).iter();
    let condition: HeaderMap = values.map(|value| (IF_NONE_MATCH, value.clone())).collect();
    (!condition.is_empty()).then_some(condition)
}

/// Returns a 304 response if the client already has the list of the requested commit. To find this out, only the ref is read. If the
/// revision does not exist, returns `None`, so that the handler reports the error.
async fn not_modified(
    app: &App,
    condition: &HeaderMap,
    parts: &mut axum::http::request::Parts,
) -> Result<Option<Response>> {
    let ReadRevision(revision) = ReadRevision::from_request_parts(parts, app).await?;
    let commit = app.run_read(move |store| Ok(store.snapshot(&revision).ok()));
    let Some(commit) = commit.await? else {
        return Ok(None);
    };
    match etag::evaluate(condition, &commit.to_string())? {
        Freshness::Modified => Ok(None),
        Freshness::NotModified => Ok(Some(unchanged(commit))),
    }
}

fn unchanged(commit: CommitId) -> Response {
    let tag = [(ETAG, format!("\"{commit}\""))];
    let vary = [(VARY, SELECTING_HEADERS)];
    (
        StatusCode::NOT_MODIFIED,
        CommitHeader(Some(commit)),
        tag,
        vary,
    )
        .into_response()
}
