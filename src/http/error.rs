//! Error responses.

use std::borrow::Cow;

use axum::http::header::{
    CACHE_CONTROL, CONNECTION, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE, WWW_AUTHENTICATE,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::budget::Exhausted;
use crate::names::{self, BranchName};
use crate::oci::ErrorCode;
use crate::store::{self, ErrorKind, chain};
use crate::wire::{MissingName, Problem};

/// The value of `Retry-After` in a 503, in seconds.
const RETRY_AFTER_S: u16 = 1;

/// The challenges in a 401 response, one `WWW-Authenticate` header each (RFC 9110, section 11.6.1): the ways in which a client can send its
/// API key.
const CHALLENGES: [&str; 2] = [
    r#"Basic realm="wasmstore", charset="UTF-8""#,
    r#"Bearer realm="wasmstore""#,
];

/// The result of a request handler.
pub(super) type Result<T, E = Failure> = std::result::Result<T, E>;

/// An error response.
///
/// The body is one line of plain text. For clients that accept JSON, [`problem_json`](crate::http::middleware::problem_json) replaces it by
/// a problem document (RFC 9457), which it makes from the `Failure` in the extensions of the response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub(super) struct Failure {
    status: StatusCode,
    detail: String,
    /// In a 409 response, the paths that conflict; otherwise empty.
    paths: Vec<String>,
    /// In a 404 response, the name that was not found.
    missing: Option<Box<MissingName>>,
    /// An additional response header, such as `Location`.
    header: Option<(HeaderName, Cow<'static, str>)>,
    /// The error code in a response of the OCI registry API; `None` if the code follows from the status.
    oci_code: Option<ErrorCode>,
    /// What became of the write of the request, if the status does not say it.
    write: Option<FailedWrite>,
}

/// What became of a write that has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FailedWrite {
    /// Nothing was changed, because other writers changed the branch first.
    Overtaken,
    /// It is unknown whether the write was made.
    Unconfirmed,
}

impl Failure {
    /// Creates an error response with one line of text for the client. With an empty text, the response has no body.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            paths: Vec::new(),
            missing: None,
            header: None,
            oci_code: None,
            write: None,
        }
    }

    /// Creates a 500 response to a write that may have been made. The client gets the text, because it must find out whether the write was
    /// made before it sends the request again.
    pub fn unconfirmed_write(detail: impl Into<String>) -> Self {
        Self {
            write: Some(FailedWrite::Unconfirmed),
            ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
        }
    }

    /// Creates a 400 response.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// Creates a 400 response for a URL that ends after the name of the endpoint, such as `/api/v1/module`, although the name of a module
    /// or branch must follow.
    pub fn missing_name() -> Self {
        Self::malformed("a name is missing at the end of the URL")
    }

    /// Creates a 400 response for a URL that ends where the name of a tag must follow.
    pub fn missing_tag() -> Self {
        Self::malformed(
            "the name of a tag is missing at the end of the URL: /tags lists all tags, and /tag/<name> is one of them",
        )
    }

    /// Creates a 404 response for a URL that no route matches.
    pub fn unknown_endpoint() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no such endpoint")
    }

    /// Creates a 404 response for a branch that does not exist.
    pub fn unknown_branch(branch: &BranchName) -> Self {
        let detail = format!("there is no branch {:?}", branch.as_str());
        Self {
            missing: Some(Box::new(MissingName::Branch(branch.to_string()))),
            ..Self::new(StatusCode::NOT_FOUND, detail)
        }
    }

    /// Creates a 500 response. The cause is only logged. The operator finds it by the request id, which is in the log line and in this
    /// response.
    pub fn internal(request_id: &str) -> Self {
        let detail = format!("the store failed; see the server log for request {request_id}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }

    /// Turns a 500 response into the response that the client gets: one that contains the request id, and not the cause.
    pub fn without_internals(&self, request_id: &str) -> Self {
        match self.write {
            Some(FailedWrite::Unconfirmed) => Self {
                detail: format!(
                    "{}; see the server log for request {request_id}",
                    self.detail
                ),
                ..self.clone()
            },
            Some(FailedWrite::Overtaken) | None => Self::internal(request_id),
        }
    }

    /// Returns whether nothing was changed because other writers changed the branch first.
    pub fn is_overtaken(&self) -> bool {
        self.write == Some(FailedWrite::Overtaken)
    }

    /// Creates a 503 response for a request that could not get a permit or memory in time.
    pub fn busy() -> Self {
        let detail = "the server is busy; try again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// Adds a header to the response.
    pub fn with_header(self, name: HeaderName, value: impl Into<Cow<'static, str>>) -> Self {
        Self {
            header: Some((name, value.into())),
            ..self
        }
    }

    /// Sets the error code for a response of the OCI registry API.
    pub fn with_oci_code(self, code: ErrorCode) -> Self {
        Self {
            oci_code: Some(code),
            ..self
        }
    }

    /// Returns the error code for a response of the OCI registry API; `None` if the code follows from the status.
    pub fn oci_code(&self) -> Option<ErrorCode> {
        self.oci_code
    }

    /// Removes the body.
    pub fn without_body(self) -> Self {
        Self {
            detail: String::new(),
            ..self
        }
    }

    /// Returns the status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the problem document (RFC 9457) of this failure.
    pub fn into_problem(self) -> Problem {
        let title = self.status.canonical_reason().unwrap_or_default();
        Problem {
            r#type: "about:blank".to_owned(),
            title: title.to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            paths: self.paths,
            missing: self.missing.map(|missing| *missing),
        }
    }
}

impl From<Exhausted> for Failure {
    fn from(Exhausted: Exhausted) -> Self {
        Self::busy()
    }
}

impl From<names::Error> for Failure {
    fn from(error: names::Error) -> Self {
        Self::malformed(error.to_string())
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        let status = status(error.kind());
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            // Clients must not see internals, such as paths on the server, so the error text goes only to the log.
            tracing::error!(error = chain(&error), "the store failed");
            if error.is_unconfirmed() {
                return Self::unconfirmed_write(
                    "the store did not confirm the change, which may have been made",
                );
            }
            return Self::new(status, "the store failed; see the server log");
        }
        if error.is_unreachable() {
            tracing::warn!(error = chain(&error), "the bucket cannot be used");
            let detail = "the bucket of the store cannot be used, so nothing can be changed at the moment; try again, or read the server log";
            return Self::new(status, detail);
        }
        if error.kind() == ErrorKind::ReadOnly {
            tracing::error!(error = chain(&error), "the store cannot be changed");
            return Self::new(status, "the store is read-only");
        }
        Self {
            status,
            detail: chain(&error),
            paths: error.conflicting_paths().to_vec(),
            missing: MissingName::of(&error).map(Box::new),
            header: None,
            oci_code: None,
            write: error.is_overtaken().then_some(FailedWrite::Overtaken),
        }
    }
}

/// Returns the HTTP status for an error of this kind.
pub(super) fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::InvalidModule | ErrorKind::Malformed | ErrorKind::Input => {
            StatusCode::BAD_REQUEST
        }
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Precondition => StatusCode::PRECONDITION_FAILED,
        ErrorKind::Busy => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::ReadOnly => StatusCode::FORBIDDEN,
        ErrorKind::Full => StatusCode::INSUFFICIENT_STORAGE,
        ErrorKind::Unavailable => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.detail.clone()).into_response();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some((name, value)) = &self.header {
            let value = HeaderValue::from_str(value).expect("BUG: the text is a header value");
            headers.insert(name, value);
        }
        match self.status {
            StatusCode::UNAUTHORIZED => {
                // Basic comes first: some clients use only the first challenge, and git supports no other scheme.
                for challenge in CHALLENGES {
                    headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
                }
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, RETRY_AFTER_S.into());
            }
            StatusCode::UPGRADE_REQUIRED => {
                headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            }
            _ => {}
        }
        response.extensions_mut().insert(self);
        response
    }
}
