//! What a request is answered that could not be done.

use std::borrow::Cow;

use axum::Json;
use axum::extract::Request;
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE,
    WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::names::{self, BranchName};
use crate::store::{self, ErrorKind, chain};
use crate::wire::{MissingName, Problem};

/// How long a client is asked to wait before it tries again, in seconds.
const RETRY_AFTER_S: u16 = 1;

/// The answer to a request that was refused or failed: one line of plain text, or a problem document (RFC 9457) for those who
/// accept JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    status: StatusCode,
    detail: String,
    /// The paths of a conflict.
    paths: Vec<String>,
    /// What was named and is not there.
    missing: Option<Box<MissingName>>,
    /// A header that tells the client what to do.
    header: Option<(HeaderName, Cow<'static, str>)>,
}

/// A result of a handler.
pub(super) type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    /// A failure with one line for the person who asked; an empty one has no body.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            paths: Vec::new(),
            missing: None,
            header: None,
        }
    }

    /// The same failure with a header that tells the client what to do.
    pub fn with(self, name: HeaderName, value: impl Into<Cow<'static, str>>) -> Self {
        Self {
            header: Some((name, value.into())),
            ..self
        }
    }

    /// 400.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 404: there is no such branch.
    pub fn unknown_branch(branch: &BranchName) -> Self {
        let detail = format!("there is no branch {:?}", branch.as_str());
        Self {
            missing: Some(Box::new(MissingName::Branch(branch.to_string()))),
            ..Self::new(StatusCode::NOT_FOUND, detail)
        }
    }

    /// 500. What is wrong inside is for the log, to which the id leads.
    pub fn with_request_id(id: &str) -> Self {
        let detail = format!("the store failed; request {id}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }

    /// The status.
    #[cfg(test)]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The same failure without a body.
    pub fn silent(self) -> Self {
        Self {
            detail: String::new(),
            ..self
        }
    }

    fn problem(self) -> Problem {
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

impl From<names::Error> for Failure {
    fn from(error: names::Error) -> Self {
        Self::malformed(error.to_string())
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        let status = status(error.kind());
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            // What is wrong inside is for the log: the request id leads there.
            tracing::error!(error = chain(&error), "the store failed");
            return Self::new(status, "the store failed; the log tells more");
        }
        Self {
            status,
            detail: chain(&error),
            paths: error.conflicting_paths().to_vec(),
            missing: MissingName::of(&error).map(Box::new),
            header: None,
        }
    }
}

fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::InvalidModule | ErrorKind::Malformed | ErrorKind::Input => {
            StatusCode::BAD_REQUEST
        }
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Precondition => StatusCode::PRECONDITION_FAILED,
        ErrorKind::Busy => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Full => StatusCode::INSUFFICIENT_STORAGE,
        ErrorKind::Unavailable => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.detail.clone()).into_response();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some((name, value)) = self.header.clone() {
            let value = HeaderValue::from_str(&value);
            headers.insert(name, value.expect("BUG: our own words are header values"));
        }
        match self.status {
            StatusCode::UNAUTHORIZED => {
                let scheme =
                    HeaderValue::from_static(r#"Basic realm="wasmstore", charset="UTF-8""#);
                headers.insert(WWW_AUTHENTICATE, scheme);
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

/// Gives a failure the form that the client asked for.
pub(super) async fn in_accepted_form(request: Request, next: Next) -> Response {
    let wants_json = accepts_json(request.headers());
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<Failure>() {
        Some(failure) if wants_json => {
            let (parts, _) = response.into_parts();
            let mut problem = Json(failure.problem()).into_response();
            for (name, value) in &parts.headers {
                if name != CONTENT_TYPE && name != "content-length" {
                    problem.headers_mut().append(name, value.clone());
                }
            }
            let form = HeaderValue::from_static("application/problem+json");
            problem.headers_mut().insert(CONTENT_TYPE, form);
            *problem.status_mut() = parts.status;
            problem
        }
        _ => response,
    }
}

fn accepts_json(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter();
    let mut types = accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    types.any(|range| {
        let name = range.split(';').next().unwrap_or_default().trim();
        name.eq_ignore_ascii_case("application/json")
            || name.eq_ignore_ascii_case("application/problem+json")
    })
}
