//! Builds requests to a wasmstore server, and sends them.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use ureq::http::header::{ACCEPT, HeaderName, IF_MATCH, IF_NONE_MATCH};
use ureq::http::request::Builder;
use ureq::http::{HeaderValue, Method, Request, Response};
use ureq::{Agent, AsSendBody, Body, SendBody};

use super::agent::agent;
use super::error_response::ErrorResponse;
use crate::config::ClientLimits;
use crate::names::{BranchName, ModuleRef, ServerUrl, TreePath};
use crate::remote::error::{Error, Result};
use crate::remote::http_proxy::HttpProxy;
use crate::remote::proxy::ProxySettings;
use crate::store::{Change, EntityTags, PathCondition, PathConditions, Precondition, Revision};
use crate::wire::{encode_header_value, encode_path};

/// The path of the HTTP API below the server's URL.
const API: &str = "/api/v1";

/// The maximum total length of the header values of a request, in bytes. The server rejects a request that exceeds it.
const HEADERS_BYTES_MAX: usize = 64 << 10;

/// The media types that the client accepts. It prefers that errors are problem documents (RFC 9457).
pub(super) const ACCEPTED: &str = "application/problem+json, */*;q=0.9";

/// A client of a wasmstore server. It follows no redirects, so that it sends the API key to no other server.
pub struct Client {
    pub(super) agent: Agent,
    pub(super) url: ServerUrl,
    pub(super) key: Option<HeaderValue>,
    pub(super) proxy: Option<HttpProxy>,
    pub(super) limits: ClientLimits,
    /// Whether the server has responded that it has no endpoint for diffs.
    pub(super) lacks_diff: AtomicBool,
    /// Whether the server has responded to a request. If so, the scheme of its URL is right.
    pub(super) has_responded: AtomicBool,
    /// Whether the next request may be sent on a connection that has been idle: the last one got a response.
    pub(super) may_be_idle: AtomicBool,
}

impl Client {
    /// Creates a client of the server at `url`, without connecting to it.
    ///
    /// # Errors
    /// The API key contains a character that is not allowed in a header; the configured proxy for the server cannot be used.
    pub fn new(
        url: ServerUrl,
        key: Option<&str>,
        proxies: &ProxySettings,
        limits: ClientLimits,
    ) -> Result<Self> {
        let key = match key {
            Some(key) => Some(secret_header(key).map_err(|_| Error::InvalidKey)?),
            None => None,
        };
        let proxy = proxies.proxy_for(&url)?;
        Ok(Self {
            agent: agent(&url, proxy.as_ref(), &limits),
            url,
            key,
            proxy,
            limits,
            lacks_diff: AtomicBool::new(false),
            has_responded: AtomicBool::new(false),
            may_be_idle: AtomicBool::new(false),
        })
    }

    /// Returns a client with a longer timeout, because the server sends nothing during a gc.
    pub(super) fn with_gc_timeout(&self) -> Self {
        let limits = ClientLimits {
            silence_max: self.limits.gc_silence_max,
            ..self.limits
        };
        Self {
            agent: agent(&self.url, self.proxy.as_ref(), &limits),
            url: self.url.clone(),
            key: self.key.clone(),
            proxy: self.proxy.clone(),
            limits,
            lacks_diff: AtomicBool::new(false),
            has_responded: AtomicBool::new(false),
            may_be_idle: AtomicBool::new(false),
        }
    }

    /// Builds a request to `path` below `/api/v1`. The path must be escaped and start with a slash.
    pub(in crate::remote) fn request(&self, method: Method, path: &str) -> Builder {
        self.request_to(method, &format!("{API}{path}"))
    }

    /// Builds a request to `path` below the server's URL. The path must be escaped and start with a slash.
    pub(super) fn request_to(&self, method: Method, path: &str) -> Builder {
        let url = self.url.at(path);
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header(ACCEPT, ACCEPTED);
        match &self.key {
            Some(key) => request.header("wasmstore-auth", key.clone()),
            None => request,
        }
    }

    /// Builds a GET request for the tree or history of `revision`.
    pub(super) fn get(&self, path: &str, revision: &Revision) -> Builder {
        with_revision(self.request(Method::GET, path), revision)
    }

    /// Builds a request that makes a commit: with the branch, the author, the message and the precondition of `change`.
    pub(super) fn write(&self, method: Method, path: &str, change: &Change) -> Builder {
        let branch = Revision::Branch(change.branch.clone());
        let author = change.author.as_ref().map(ToString::to_string);
        let message = change.message.as_ref().map(|message| message.as_str());
        let mut request = with_revision(self.request(method, path), &branch);
        request = with_header(request, "wasmstore-author", author.as_deref());
        request = with_header(request, "wasmstore-message", message);
        let Precondition {
            if_match,
            if_none_match,
        } = &change.precondition;
        request = with_tags(request, IF_MATCH, if_match.as_ref());
        request = with_tags(request, IF_NONE_MATCH, if_none_match.as_ref());
        with_path_conditions(request, &change.path_conditions)
    }

    /// Sends a request without a body, and returns the response if its status is a success.
    pub(super) fn send(&self, request: Builder) -> Result<Response<Body>> {
        self.send_with(request, SendBody::none())
    }

    /// Sends a request with a body, and returns the response if its status is a success.
    pub(super) fn send_with(
        &self,
        request: Builder,
        body: impl AsSendBody,
    ) -> Result<Response<Body>> {
        let request = request
            .body(body)
            .map_err(|error| self.unreachable(&error))?;
        let value_bytes = request.headers().values().map(HeaderValue::len);
        if value_bytes.sum::<usize>() > HEADERS_BYTES_MAX {
            let response = ErrorResponse::headers_too_large(&self.url);
            return Err(Error::Refused(Box::new(response)));
        }
        let response = self
            .exchange(request)
            .map_err(|error| self.exchange_failed(&error))?;
        self.has_responded.store(true, Ordering::Relaxed);
        if response.status().is_success() {
            Ok(response)
        } else {
            let refusal = ErrorResponse::read(&self.url, response);
            Err(Error::Refused(Box::new(refusal)))
        }
    }

    /// Converts an error of the HTTP library. If the reason is a wrong scheme in the server's URL, returns that as the error.
    pub(super) fn exchange_failed(&self, error: &ureq::Error) -> Error {
        let may_be_scheme = match error {
            ureq::Error::Io(error) => may_be_scheme(error),
            ureq::Error::Protocol(_) | ureq::Error::Rustls(_) => true,
            _ => false,
        };
        if may_be_scheme && let Some(error) = self.wrong_scheme() {
            return error;
        }
        match error {
            // The text of the library would only say that this is an I/O error, without its reason.
            ureq::Error::Io(error) => self.unreachable(error),
            error => self.unreachable(error),
        }
    }

    /// Returns the error for a connection to the server that failed for `reason`.
    pub(super) fn unreachable(&self, reason: &dyn std::error::Error) -> Error {
        let reason = crate::store::chain(reason);
        Error::Unreachable {
            url: self.url.clone(),
            reason: match &self.proxy {
                Some(proxy) => format!("through the proxy {proxy}: {reason}"),
                None => reason,
            },
        }
    }

    /// Returns the error for a response that a wasmstore server never sends.
    pub(super) fn invalid_response(&self, reason: impl ToString) -> Error {
        Error::InvalidResponse {
            url: self.url.clone(),
            reason: reason.to_string(),
        }
    }
}

/// Returns an API key as a header value that is marked as sensitive, so that it is never logged.
pub(in crate::remote) fn secret_header(
    key: &str,
) -> Result<HeaderValue, ureq::http::header::InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(key)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Returns a module's path, hash or digest, escaped, for the end of a URL's path.
pub(super) fn in_path(name: &ModuleRef) -> String {
    let name = name.to_string();
    encode_path(name.trim_start_matches('/')).to_string()
}

/// Returns a directory for the end of a URL's path: a slash and the escaped path, or nothing for the root directory.
pub(super) fn below(path: &TreePath) -> String {
    if path.is_root() {
        String::new()
    } else {
        format!("/{}", encode_path(path.as_str()))
    }
}

pub(super) fn with_revision(request: Builder, revision: &Revision) -> Builder {
    match revision {
        Revision::Branch(branch) => {
            let branch = branch.as_ref().map(|branch| branch.as_str());
            with_header(request, "wasmstore-branch", branch)
        }
        Revision::Commit(commit) => request.header("wasmstore-commit", commit.to_string()),
        Revision::Named(name) => {
            let branch = name.branch().map(BranchName::as_str);
            let request = with_header(request, "wasmstore-branch", branch);
            with_header(request, "wasmstore-commit", Some(name.as_str()))
        }
        Revision::Resolved(_) => {
            unreachable!("BUG: a revision resolved by a local store is sent to a server")
        }
    }
}

fn with_header(request: Builder, header: &'static str, value: Option<&str>) -> Builder {
    match value {
        Some(value) => request.header(header, encode_header_value(value)),
        None => request,
    }
}

fn with_tags(request: Builder, header: HeaderName, tags: Option<&EntityTags>) -> Builder {
    match tags {
        Some(EntityTags::Any) => request.header(header, "*"),
        Some(EntityTags::OneOf(tags)) => {
            let quoted: Vec<_> = tags.iter().map(|tag| format!("\"{tag}\"")).collect();
            request.header(header, quoted.join(", "))
        }
        None => request,
    }
}

/// Adds the headers with the conditions for single paths.
pub(super) fn with_path_conditions(mut request: Builder, conditions: &PathConditions) -> Builder {
    if conditions.others_absent {
        request = request.header("wasmstore-if-none-match", "*");
    }
    for (path, condition) in &conditions.paths {
        // A comma would separate two items of the header, so commas in a path are escaped.
        let path = encode_header_value(&path.to_string()).replace(',', "%2C");
        request = match condition {
            PathCondition::Absent => request.header("wasmstore-if-none-match", path),
            PathCondition::Module(hash) => {
                request.header("wasmstore-if-match", format!("{path} {hash}"))
            }
        };
    }
    request
}

/// Returns whether a wrong scheme in the URL can be the reason for an I/O error. It is not the reason if the connection failed or timed
/// out.
pub(super) fn may_be_scheme(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    !matches!(
        error.kind(),
        K::ConnectionRefused
            | K::TimedOut
            | K::WouldBlock
            | K::HostUnreachable
            | K::NetworkUnreachable
    )
}
