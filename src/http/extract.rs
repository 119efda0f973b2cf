//! What requests say in their headers and paths, parsed once.

use std::convert::Infallible;
use std::fmt::Display;

use axum::extract::{FromRequestParts, Query, RawPathParams};
use axum::http::header::RANGE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use serde::de::DeserializeOwned;

use crate::http::error::{Failure, Result};
use crate::http::middleware::auth::Caller;
use crate::http::module::etag;
use crate::http::percent;
use crate::http::state::App;
use crate::names::{Author, BranchName, CommitId, Message};
use crate::store::{Change, Revision};

const BRANCH: &str = "wasmstore-branch";
const COMMIT: &str = "wasmstore-commit";
const AUTHOR: &str = "wasmstore-author";
const MESSAGE: &str = "wasmstore-message";

/// What the URL names after the endpoint, decoded: a path, a hash, a branch, or several of them with slashes between. Empty where
/// nothing follows.
#[derive(Default)]
pub(super) struct Rest(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Rest {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|error| Failure::malformed(error.body_text()))?;
        let params: Vec<_> = params.iter().map(|(_, value)| value).collect();
        Ok(Self(params.join("/")))
    }
}

impl Rest {
    /// The name in it, which may not be empty.
    pub fn parse<T, E: Display>(&self, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<T> {
        match self.0.is_empty() {
            true => Err(Failure::malformed("the URL ends where a name is needed")),
            false => parse(&self.0).map_err(|error| Failure::malformed(error.to_string())),
        }
    }
}

/// Parameters after the question mark; unknown ones are passed over.
pub(super) struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(error) => Err(Failure::malformed(error.body_text())),
        }
    }
}

/// What a read looks at.
pub(super) struct Reading(pub Revision);

impl FromRequestParts<App> for Reading {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let branch = header(&parts.headers, BRANCH, BranchName::parse)?;
        let commit = header(&parts.headers, COMMIT, CommitId::parse)?;
        let Some(commit) = commit else {
            return Ok(Self(Revision::Branch(app.branch(branch))));
        };
        if let Some(branch) = branch {
            let known = app.run(move |store| Ok((store.has_branch(&branch)?, branch)));
            if let (false, branch) = known.await? {
                return Err(Failure::unknown_branch(&branch));
            }
        }
        Ok(Self(Revision::Commit(commit)))
    }
}

/// The headers of a request for a module. Only GET takes a range (RFC 9110, section 14.2).
pub(super) struct Wanted(pub HeaderMap);

impl<S: Send + Sync> FromRequestParts<S> for Wanted {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let mut headers = parts.headers.clone();
        if parts.method != Method::GET {
            headers.remove(RANGE);
        }
        Ok(Self(headers))
    }
}

/// Where a change goes, what its commit says, and what it asks for.
pub(super) struct Changing(pub Change);

impl FromRequestParts<App> for Changing {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let headers = &parts.headers;
        refuse_commit(headers)?;
        let requested = header(headers, AUTHOR, Author::parse)?;
        let author = match parts.extensions.get::<Caller>() {
            Some(caller) => caller.author(requested)?,
            None => requested,
        };
        Ok(Self(Change {
            branch: app.branch(header(headers, BRANCH, BranchName::parse)?),
            author,
            message: header(headers, MESSAGE, Message::parse)?,
            precondition: etag::precondition(headers)?,
        }))
    }
}

/// A change of the branches themselves, which asks for nothing else in its headers.
pub(super) struct ChangingBranches;

impl<S: Send + Sync> FromRequestParts<S> for ChangingBranches {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        refuse_commit(&parts.headers)?;
        Ok(Self)
    }
}

/// Refuses to work as of a commit.
pub(super) fn refuse_commit(headers: &HeaderMap) -> Result<()> {
    let detail = "this is not done as of a commit: Wasmstore-Commit is for reads";
    match headers.contains_key(COMMIT) {
        true => Err(Failure::malformed(detail)),
        false => Ok(()),
    }
}

/// A header with a percent-encoded UTF-8 value (API: request headers).
fn header<T, E: Display>(
    headers: &HeaderMap,
    name: &'static str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Failure::malformed(format!("there is more than one {name}")));
    }
    let malformed =
        |reason: &dyn Display| Failure::malformed(format!("{name} is malformed: {reason}"));
    let text = percent::decode_header(value)?;
    parse(&text).map(Some).map_err(|error| malformed(&error))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[tokio::test]
    async fn only_get_takes_a_range() {
        for (method, taken) in [("GET", true), ("HEAD", false)] {
            let request = Request::builder()
                .method(method)
                .header("Range", "bytes=0-3")
                .header("If-Match", "*");
            let (mut parts, ()) = request.body(()).unwrap().into_parts();
            let Ok(Wanted(headers)) = Wanted::from_request_parts(&mut parts, &()).await;
            assert_eq!(headers.contains_key(RANGE), taken, "{method}");
            assert!(headers.contains_key("If-Match"), "{method}");
        }
    }
}
