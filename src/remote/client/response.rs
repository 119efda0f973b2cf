//! Reads the successful responses of a wasmstore server.

use serde::de::DeserializeOwned;
use ureq::Body;
use ureq::http::header::LINK;
use ureq::http::request::Builder;
use ureq::http::{HeaderMap, Response};

use super::request::Client;
use crate::names::{BranchName, CommitId, ModuleHash};
use crate::remote::error::Result;
use crate::store::Published;
use crate::wire::decode_query_value;

/// A successful response.
pub(in crate::remote) struct ApiResponse<T> {
    /// The body, parsed or as text.
    pub value: T,
    /// The commit from which the server read, or which it created, if the response names it.
    pub commit: Option<CommitId>,
    /// The branch that a write changed, and its new tip. Has no meaning if the request was a read.
    pub published: Published<()>,
    /// If the response is a page of a list, whether the list has another page.
    pub has_more: bool,
    /// The value of the header `Link`, which links to the next page of a list.
    pub link: Option<String>,
}

impl Client {
    /// Sends a write, and returns the branch and its new tip.
    pub(super) fn publish(&self, request: Builder) -> Result<Published<()>> {
        Ok(self.text(request)?.published.with_value(()))
    }

    /// Returns the result of a write whose response is the module's hash.
    pub(super) fn published_hash(
        &self,
        response: ApiResponse<String>,
    ) -> Result<Published<ModuleHash>> {
        let hash = self.parse(&response.value, ModuleHash::parse)?;
        Ok(response.published.with_value(hash))
    }

    /// Sends a request, and returns the text of the response.
    pub(super) fn text(&self, request: Builder) -> Result<ApiResponse<String>> {
        self.read_text(self.send(request)?)
    }

    /// Reads the text of a response.
    pub(super) fn read_text(&self, mut response: Response<Body>) -> Result<ApiResponse<String>> {
        let body = response.body_mut().with_config();
        let text = body.limit(self.limits.text_bytes_max).read_to_string();
        let value = text.map_err(|error| self.exchange_failed(&error))?;
        let link = response.headers().get(LINK);
        let link = link.and_then(|link| link.to_str().ok());
        Ok(ApiResponse {
            value,
            commit: response_commit(response.headers()),
            published: published(response.headers()),
            has_more: response.headers().contains_key(LINK),
            link: link.map(str::to_owned),
        })
    }

    /// Sends a request, and parses the JSON of the response.
    pub(in crate::remote) fn json<T: DeserializeOwned>(
        &self,
        request: Builder,
    ) -> Result<ApiResponse<T>> {
        self.parse_json(self.text(request)?)
    }

    /// Parses the text of a response as JSON.
    pub(super) fn parse_json<T: DeserializeOwned>(
        &self,
        response: ApiResponse<String>,
    ) -> Result<ApiResponse<T>> {
        let value = serde_json::from_str(&response.value);
        Ok(ApiResponse {
            value: value.map_err(|error| self.invalid_response(error))?,
            commit: response.commit,
            published: response.published,
            has_more: response.has_more,
            link: response.link,
        })
    }

    /// Sends a request, and parses the text of the response as a name: a hash, a commit id or a branch.
    pub(super) fn name<T>(&self, request: Builder, parse: ParseName<T>) -> Result<T> {
        self.parse(&self.text(request)?.value, parse)
    }

    /// Parses a name, such as a hash or a branch, in a response.
    pub(super) fn parse<T>(&self, text: &str, parse: ParseName<T>) -> Result<T> {
        parse(text).map_err(|error| self.invalid_response(error))
    }
}

/// A function that parses a hash, a commit id or a branch name.
type ParseName<T> = fn(&str) -> Result<T, crate::names::Error>;

/// Returns the commit in the header `wasmstore-commit` of a response.
pub(super) fn response_commit(headers: &HeaderMap) -> Option<CommitId> {
    commit_in(headers, "wasmstore-commit")
}

/// Returns the commit in the header `name` of a response, or `None` if the header is missing or not a commit id.
pub(super) fn commit_in(headers: &HeaderMap, name: &str) -> Option<CommitId> {
    CommitId::parse(headers.get(name)?.to_str().ok()?).ok()
}

/// Returns the value of the header `name` of a response; empty if the header is missing or not text.
pub(super) fn header_text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

/// Returns the branch that a write changed and its new tip, from the headers of the response.
fn published(headers: &HeaderMap) -> Published<()> {
    let branch = headers
        .get("wasmstore-branch")
        .and_then(|value| decode_query_value(value.to_str().ok()?));
    // A server of an older version does not send this header. The branch is then assumed to have moved.
    let is_unchanged = headers
        .get("wasmstore-changed")
        .is_some_and(|value| value == "false");
    Published {
        branch: branch.and_then(|branch| BranchName::parse(&branch).ok()),
        commit: response_commit(headers),
        has_moved: !is_unchanged,
        value: (),
    }
}
