//! Requests, and answers that are as they should be.

use serde::de::DeserializeOwned;
use ureq::http::header::{ACCEPT, LINK};
use ureq::http::request::Builder;
use ureq::http::{HeaderMap, HeaderValue, Method, Request, Response};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, AsSendBody, Body, SendBody};

use super::error_response::Refused;
use crate::config::ClientLimits;
use crate::names::{CommitId, ServerUrl};
use crate::remote::error::{Error, Result};
use crate::store::{At, Change};
use crate::wire::escaped_value;

/// Where the API is below the server's URL.
const API: &str = "/api/v1";

/// The most that the head of a request takes, in bytes: a server takes no more.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// A refusal is told as a problem document (RFC 9457).
pub(super) const ACCEPTED: &str = "application/problem+json, */*;q=0.9";

/// The client of a store's server. Redirects are not followed and proxies not used: a key goes to this server and to no other.
pub struct Client {
    agent: Agent,
    pub(super) url: ServerUrl,
    pub(super) key: Option<HeaderValue>,
    pub(super) limits: ClientLimits,
}

/// An answer, and the commit that it comes of, if it says so.
pub(super) struct Answer<T> {
    pub value: T,
    pub commit: Option<CommitId>,
    /// Whether there is another page.
    pub has_more: bool,
}

impl Client {
    /// A client of the server at `url`. Nothing is asked yet.
    ///
    /// # Errors
    /// The key is none that a header can hold.
    pub fn new(url: ServerUrl, key: Option<&str>, limits: ClientLimits) -> Result<Self> {
        let key = key.map(HeaderValue::from_str).transpose();
        let mut key = key.map_err(|_| Error::Key)?;
        if let Some(key) = &mut key {
            key.set_sensitive(true);
        }
        Ok(Self {
            agent: agent(&url, &limits),
            url,
            key,
            limits,
        })
    }

    /// One that bears the silence of a server that collects garbage.
    pub(super) fn patient(&self) -> Self {
        let limits = ClientLimits {
            silence_max: self.limits.gc_silence_max,
            ..self.limits
        };
        Self {
            agent: agent(&self.url, &limits),
            url: self.url.clone(),
            key: self.key.clone(),
            limits,
        }
    }

    /// Where the server is.
    pub fn url(&self) -> &ServerUrl {
        &self.url
    }

    /// A request to what the API has at a path, which is escaped and begins with a slash.
    pub(super) fn request(&self, method: Method, path: &str) -> Builder {
        let url = self.url.at(&format!("{API}{path}"));
        let request = Request::builder().method(method).uri(url);
        let request = request.header(ACCEPT, ACCEPTED);
        match &self.key {
            Some(key) => request.header("wasmstore-auth", key.clone()),
            None => request,
        }
    }

    /// A request that reads what is there at `at`.
    pub(super) fn reading(&self, path: &str, at: &At) -> Builder {
        looking_at(self.request(Method::GET, path), at)
    }

    /// A request that makes a commit.
    pub(super) fn changing(&self, method: Method, path: &str, change: &Change) -> Builder {
        let request = self.request(method, path);
        let request = looking_at(request, &At::Branch(change.branch.clone()));
        let author = change.author.as_ref().map(ToString::to_string);
        let request = named(request, "wasmstore-author", author.as_deref());
        let message = change.message.as_ref();
        named(
            request,
            "wasmstore-message",
            message.map(|message| message.as_str()),
        )
    }

    /// Asks, and takes any answer that is no refusal.
    pub(super) fn send(&self, request: Builder) -> Result<Response<Body>> {
        self.send_with(request, SendBody::none())
    }

    /// The same with a body.
    pub(super) fn send_with(
        &self,
        request: Builder,
        body: impl AsSendBody,
    ) -> Result<Response<Body>> {
        let request = request.body(body);
        let request = request.map_err(|error| self.unreachable(&error))?;
        let values = request.headers().values().map(HeaderValue::len);
        if values.sum::<usize>() > HEAD_BYTES_MAX {
            return Err(Error::Refused(Box::new(Refused::too_long(&self.url))));
        }
        let answer = self.agent.run(request);
        let answer = answer.map_err(|error| self.failed(&error))?;
        match answer.status().is_success() {
            true => Ok(answer),
            false => Err(Error::Refused(Box::new(Refused::read(&self.url, answer)))),
        }
    }

    /// Asks for nothing but that it is done; the commit that the branch is at then.
    pub(super) fn done(&self, request: Builder) -> Result<Option<CommitId>> {
        Ok(self.text(request)?.commit)
    }

    /// Asks for a line of text.
    pub(super) fn text(&self, request: Builder) -> Result<Answer<String>> {
        let answer = self.send(request)?;
        self.text_of(answer)
    }

    /// The line of text that was answered.
    pub(super) fn text_of(&self, mut answer: Response<Body>) -> Result<Answer<String>> {
        let body = answer.body_mut().with_config();
        let text = body.limit(self.limits.text_bytes_max).read_to_string();
        let value = text.map_err(|error| self.failed(&error))?;
        Ok(Answer {
            value,
            commit: commit(answer.headers()),
            has_more: answer.headers().contains_key(LINK),
        })
    }

    /// Asks for JSON.
    pub(super) fn json<T: DeserializeOwned>(&self, request: Builder) -> Result<Answer<T>> {
        let answer = self.text(request)?;
        let value = serde_json::from_str(&answer.value);
        Ok(Answer {
            value: value.map_err(|error| self.strange(error.to_string()))?,
            commit: answer.commit,
            has_more: answer.has_more,
        })
    }

    /// Asks for a name.
    pub(super) fn name<T>(&self, request: Builder, parse: Parse<T>) -> Result<T> {
        self.parse(&self.text(request)?.value, parse)
    }

    /// A name in what was answered.
    pub(super) fn parse<T>(&self, text: &str, parse: Parse<T>) -> Result<T> {
        parse(text).map_err(|error| self.strange(error.to_string()))
    }

    /// The exchange failed.
    pub(super) fn failed(&self, error: &ureq::Error) -> Error {
        match error {
            ureq::Error::Io(error) => self.unreachable(error),
            error => self.unreachable(error),
        }
    }

    /// The server, or the way there, failed.
    pub(super) fn unreachable(&self, reason: &dyn std::error::Error) -> Error {
        Error::Unreachable {
            url: self.url.clone(),
            reason: crate::store::chain(reason),
        }
    }

    /// What was answered is not what a store answers.
    pub(super) fn strange(&self, what: String) -> Error {
        Error::Strange {
            url: self.url.clone(),
            what,
        }
    }
}

/// How a name is read.
type Parse<T> = fn(&str) -> Result<T, crate::names::Error>;

/// The commit that an answer comes of.
pub(super) fn commit(headers: &HeaderMap) -> Option<CommitId> {
    let value = headers.get("wasmstore-commit")?.to_str().ok()?;
    CommitId::parse(value).ok()
}

fn looking_at(request: Builder, at: &At) -> Builder {
    match at {
        At::Branch(branch) => {
            let branch = branch.as_ref().map(|branch| branch.as_str());
            named(request, "wasmstore-branch", branch)
        }
        At::Commit(commit) => request.header("wasmstore-commit", commit.to_string()),
        At::Known(_) => unreachable!("BUG: what a store here looked up is asked elsewhere"),
    }
}

fn named(request: Builder, header: &'static str, value: Option<&str>) -> Builder {
    match value {
        Some(value) => request.header(header, escaped_value(value)),
        None => request,
    }
}

fn agent(url: &ServerUrl, limits: &ClientLimits) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        // A proxy of the environment would be shown the key.
        .proxy(None)
        .user_agent(concat!("wasmstore/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(limits.connect_timeout))
        .timeout_per_read(Some(limits.silence_max))
        .timeout_per_write(Some(limits.silence_max))
        .tls_config(trusted(url));
    config.build().into()
}

/// The certificates that this machine trusts, which are read only if one is to be looked at.
fn trusted(url: &ServerUrl) -> TlsConfig {
    let mut certificates = Vec::new();
    if url.is_tls() {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::debug!(%error, "some certificates cannot be read");
        }
        let found = found.certs.iter();
        certificates.extend(found.map(|one| Certificate::from_der(one.as_ref()).to_owned()));
    }
    let roots = RootCerts::new_with_certs(&certificates);
    TlsConfig::builder().root_certs(roots).build()
}
