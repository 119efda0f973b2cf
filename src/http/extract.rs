//! Extractors: parse the headers, paths and query parameters of requests.

mod path_conditions;

use std::convert::Infallible;
use std::error::Error as _;
use std::fmt::Display;

use axum::extract::{FromRequestParts, Query, RawPathParams};
use axum::http::header::{IF_NONE_MATCH, RANGE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Uri};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::http::error::{Failure, Result};
use crate::http::middleware::auth::Caller;
use crate::http::module::etag;
use crate::http::peers::RequestOrigin;
use crate::http::percent;
use crate::http::state::App;
use crate::names::{Author, BranchName, CommitId, Message};
use crate::store::{Change, Revision};

pub(super) use path_conditions::reject_path_conditions;

const BRANCH: &str = "wasmstore-branch";
const COMMIT: &str = "wasmstore-commit";
const AUTHOR: &str = "wasmstore-author";
const MESSAGE: &str = "wasmstore-message";

/// The part of the URL path after the name of the endpoint, percent-decoded: a path, hash or branch, or several of them separated by
/// slashes. Empty if the URL ends after the name of the endpoint.
#[derive(Default)]
pub(super) struct UrlTail(pub String);

impl<S: Send + Sync> FromRequestParts<S> for UrlTail {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|error| Failure::malformed(error.body_text()))?;
        let values: Vec<_> = params.iter().map(|(_, value)| value).collect();
        Ok(Self(values.join("/")))
    }
}

impl UrlTail {
    /// Parses the rest of the URL's path with `parse`. If it is empty, returns an error.
    pub fn parse<T, E: Display>(&self, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<T> {
        if self.0.is_empty() {
            return Err(Failure::missing_name());
        }
        parse(&self.0).map_err(|error| Failure::malformed(error.to_string()))
    }
}

/// The query parameters of a request, parsed as a `T`. Unknown parameters are ignored.
pub(super) struct QueryParams<T>(pub T);

impl<T: DeserializeOwned> QueryParams<T> {
    /// Parses the query string of a URL.
    ///
    /// # Errors
    /// 400 if a parameter is malformed.
    pub fn of(uri: &Uri) -> Result<Self> {
        match Query::try_from_uri(uri) {
            Ok(Query(params)) => Ok(Self(params)),
            Err(error) => {
                let reason = error
                    .source()
                    .map_or_else(|| error.body_text(), ToString::to_string);
                // Replaces the text of Rust's standard library for a malformed number.
                let reason =
                    reason.replace("invalid digit found in string", "expected a whole number");
                Err(Failure::malformed(format!(
                    "the query of the URL is malformed: {reason}"
                )))
            }
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryParams<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Self::of(&parts.uri)
    }
}

/// The query parameters that select a revision. They are for clients that cannot send headers.
#[derive(Deserialize)]
struct RevisionQuery {
    branch: Option<String>,
    commit: Option<String>,
}

/// The branch or commit to read, from the headers `Wasmstore-Branch` and `Wasmstore-Commit` or the query parameters `branch` and `commit`.
pub(super) struct ReadRevision(pub Revision);

impl FromRequestParts<App> for ReadRevision {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let query = QueryParams::<RevisionQuery>::of(&parts.uri)?.0;
        let header = parse_header(&parts.headers, BRANCH, BranchName::parse)?;
        let branch = header_or_param(header, ("branch", query.branch), BranchName::parse)?;
        let header = parse_header(&parts.headers, COMMIT, Revision::parse)?;
        let commit = header_or_param(header, ("commit", query.commit), Revision::parse)?;
        let Some(commit) = commit else {
            return Ok(Self(Revision::Branch(app.branch(branch))));
        };
        // If the request names a commit and a branch, the commit is read. Even so, an unknown branch is an error.
        let Some(branch) = branch else {
            return Ok(Self(commit.on_branch(app.branch(None))));
        };
        let exists = app.run_read(move |store| Ok((store.has_branch(&branch)?, branch)));
        match exists.await? {
            (true, branch) => Ok(Self(commit.on_branch(Some(branch)))),
            (false, branch) => Err(Failure::unknown_branch(&branch)),
        }
    }
}

/// The headers of a request for a module. `Range` is removed unless the method is GET (RFC 9110, section 14.2).
pub(super) struct ModuleHeaders(pub HeaderMap);

impl<S: Send + Sync> FromRequestParts<S> for ModuleHeaders {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let mut headers = parts.headers.clone();
        if parts.method != Method::GET {
            headers.remove(RANGE);
        }
        Ok(Self(headers))
    }
}

/// The `If-None-Match` headers of a request that reads.
pub(super) struct ReadConditions(pub HeaderMap);

impl<S: Send + Sync> FromRequestParts<S> for ReadConditions {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let values = parts.headers.get_all(IF_NONE_MATCH).iter();
        let conditions = values.map(|value| (IF_NONE_MATCH, value.clone()));
        Ok(Self(conditions.collect()))
    }
}

/// The headers of a write: branch, author, message and preconditions.
pub(super) struct WriteHeaders(pub Change);

impl FromRequestParts<App> for WriteHeaders {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let headers = &parts.headers;
        reject_commit_header(headers)?;
        reject_revision_query(&parts.uri)?;
        let requested = parse_header(headers, AUTHOR, Author::parse)?;
        let author = match parts.extensions.get::<Caller>() {
            Some(caller) => caller.author(requested)?,
            None => requested,
        };
        let origin = parts.extensions.get::<RequestOrigin>();
        let branch = parse_header(headers, BRANCH, BranchName::parse)?;
        // A server that forwards a request puts its own default branch into the header. So a forwarded request without the header means the
        // default branch of the store.
        let branch = match origin {
            Some(origin) if origin.is_from_peer => branch,
            _ => app.branch(branch),
        };
        Ok(Self(Change {
            branch,
            author,
            message: parse_header(headers, MESSAGE, Message::parse)?,
            precondition: etag::precondition(headers)?,
            path_conditions: path_conditions::parse(headers)?,
            request: origin.and_then(|origin| origin.request.clone()),
            fails_if_overtaken: origin.is_some(),
        }))
    }
}

/// Checks the headers of a request that creates or deletes a branch, or makes a branch the default branch. Such a request makes no commit,
/// so the other headers of writes are ignored.
pub(super) struct BranchWriteHeaders;

impl<S: Send + Sync> FromRequestParts<S> for BranchWriteHeaders {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        reject_commit_header(&parts.headers)?;
        reject_path_conditions(&path_conditions::parse(&parts.headers)?)?;
        Ok(Self)
    }
}

/// Rejects the header `Wasmstore-Commit` on a request that does not read from a commit.
pub(super) fn reject_commit_header(headers: &HeaderMap) -> Result<()> {
    if headers.contains_key(COMMIT) {
        let detail = "Wasmstore-Commit is only for reads";
        return Err(Failure::malformed(detail));
    }
    Ok(())
}

/// Returns the value of a header, or of the query parameter that can be used instead of the header.
///
/// # Errors
/// 400 if the parameter is malformed, or if both are given and differ.
fn header_or_param<T: PartialEq, E: Display>(
    header: Option<T>,
    (name, param): (&'static str, Option<String>),
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>> {
    let Some(param) = param else {
        return Ok(header);
    };
    let param = parse(&param)
        .map_err(|error| Failure::malformed(format!("`{name}` is malformed: {error}")))?;
    if header.is_some_and(|header| header != param) {
        let detail = format!("the query parameter `{name}` and the header wasmstore-{name} differ");
        return Err(Failure::malformed(detail));
    }
    Ok(Some(param))
}

/// Rejects the query parameters `branch` and `commit` on a request that writes. If they were ignored, the request would write to a branch
/// other than the branch in the URL.
fn reject_revision_query(uri: &Uri) -> Result<()> {
    if selects_revision(uri)? {
        let detail = "`branch` and `commit` are query parameters of reads: select the branch with the header Wasmstore-Branch";
        return Err(Failure::malformed(detail));
    }
    Ok(())
}

/// Returns whether the query string of a URL selects a branch or commit.
///
/// # Errors
/// 400 if a parameter is malformed.
pub(super) fn selects_revision(uri: &Uri) -> Result<bool> {
    let query = QueryParams::<RevisionQuery>::of(uri)?.0;
    Ok(query.branch.is_some() || query.commit.is_some())
}

/// Parses the name of a branch, tag or commit from a URL.
pub(super) fn parse_revision(text: &str) -> Result<Revision> {
    Ok(Revision::parse(text)?)
}

/// Parses a branch name or commit id that a user may have typed. Spaces around an id are ignored. A branch name is not trimmed, because it
/// may begin or end with a space other than the ASCII space.
pub(super) fn parse_typed_revision(text: &str) -> Result<Revision> {
    match CommitId::parse(text.trim()) {
        Ok(commit) => Ok(Revision::Commit(commit)),
        Err(_) => parse_revision(text),
    }
}

/// Parses the header `name`, whose value is percent-encoded UTF-8, with `parse`. Returns `None` if the request does not have the header.
fn parse_header<T, E: Display>(
    headers: &HeaderMap,
    name: &'static str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Failure::malformed(format!(
            "there is more than one {name} header"
        )));
    }
    let text = percent::decode_header(value)?;
    match parse(&text) {
        Ok(parsed) => Ok(Some(parsed)),
        Err(error) => Err(Failure::malformed(format!("{name} is malformed: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[tokio::test]
    async fn only_get_takes_a_range() {
        for (method, is_kept) in [("GET", true), ("HEAD", false)] {
            let request = Request::builder()
                .method(method)
                .header("Range", "bytes=0-3")
                .header("If-Match", "*");
            let (mut parts, ()) = request.body(()).unwrap().into_parts();
            let Ok(ModuleHeaders(headers)) =
                ModuleHeaders::from_request_parts(&mut parts, &()).await;
            assert_eq!(headers.contains_key(RANGE), is_kept, "{method}");
            assert!(headers.contains_key("If-Match"), "{method}");
        }
    }
}
