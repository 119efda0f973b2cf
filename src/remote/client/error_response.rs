//! Reads error responses of a server.

use std::fmt;

use ureq::Body;
use ureq::http::header::{CONTENT_TYPE, LOCATION};
use ureq::http::{Response, StatusCode};

use crate::names::ServerUrl;
use crate::store::ErrorKind;
use crate::wire::{MissingName, Problem};

/// The maximum number of bytes of an error response's body that are read.
const BODY_BYTES_MAX: u64 = 1 << 20;
/// The maximum length of [`ErrorResponse::detail`], in characters. The server at the URL may not be a wasmstore server, and may return a
/// long text.
const DETAIL_CHARS_MAX: usize = 2_000;

/// Parts of the error texts of nginx and of servers in Go for a request without TLS on a TLS port.
const TLS_PORT: [&str; 2] = ["was sent to HTTPS port", "to an HTTPS server"];

/// The error text for a request whose headers are too large.
const HEADERS_TOO_LARGE: &str =
    "the message, the author or a name is too long for a request header";

/// The error text of a wasmstore server for a URL without an endpoint.
const NO_ENDPOINT: &str = "there is no such endpoint";

/// An error response: the server rejected the request or failed.
#[derive(Debug)]
pub struct ErrorResponse {
    /// The server's URL.
    pub url: ServerUrl,
    /// The HTTP status code (RFC 9110, section 15).
    pub status: u16,
    /// The reason for the error, on one line.
    pub detail: String,
    /// The paths to which the error applies, if it is a conflict.
    pub paths: Vec<String>,
    /// The branch, module or directory that does not exist, if the error is a 404 and the server names it.
    pub missing: Option<MissingName>,
    /// Whether the server says that the request was sent to a TLS port without TLS.
    pub expects_tls: bool,
    /// Whether the server sent `detail` in a form that wasmstore uses: a problem document or a line of plain text.
    has_server_detail: bool,
}

impl ErrorResponse {
    /// Reads an error response with its body.
    pub(super) fn read(url: &ServerUrl, mut response: Response<Body>) -> Self {
        let header = |name| {
            let value = response.headers().get(name);
            value.and_then(|value| value.to_str().ok())
        };
        let status = response.status();
        let content_type = header(CONTENT_TYPE).unwrap_or_default().to_owned();
        let location = header(LOCATION).map(str::to_owned);
        let body = response.body_mut().with_config().limit(BODY_BYTES_MAX);
        let text = body.lossy_utf8(true).read_to_string().unwrap_or_default();
        Self::from_parts(url, status, &content_type, location, &text)
    }

    /// Returns the error response with these parts. `location` is the target of a redirect, `text` is the body.
    pub(super) fn from_parts(
        url: &ServerUrl,
        status: StatusCode,
        content_type: &str,
        location: Option<String>,
        text: &str,
    ) -> Self {
        let mut response = Self::parse(url, status.as_u16(), content_type, text);
        if response.detail.is_empty() {
            response.has_server_detail = false;
            response.detail = match (status.as_u16(), location) {
                (431, _) => HEADERS_TOO_LARGE.to_owned(),
                (_, Some(location)) => format!("the server redirects to {location}"),
                (_, None) => format!("the server returned {status}"),
            };
        }
        response
    }

    /// Returns the error response that a server sends to a request whose headers are too large (431: RFC 6585, section 5). The client
    /// returns it without sending the request.
    pub(super) fn headers_too_large(url: &ServerUrl) -> Self {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        Self::from_parts(url, status, "", None, "")
    }

    /// Returns the error response of a server that got no valid API key. git, which sent the request, does not report it in these words.
    pub(in crate::remote) fn unauthorized(url: &ServerUrl) -> Self {
        let detail = "a valid key is needed";
        Self::from_parts(url, StatusCode::UNAUTHORIZED, "text/plain", None, detail)
    }

    /// Returns a 404 response with the text `detail`, which a local store would return as the error. `missing` is the name that does not
    /// exist.
    pub(super) fn not_found(url: &ServerUrl, detail: String, missing: Option<MissingName>) -> Self {
        Self {
            url: url.clone(),
            status: 404,
            detail,
            paths: Vec::new(),
            missing,
            expects_tls: false,
            has_server_detail: true,
        }
    }

    /// Parses a body that is a problem document (RFC 9457) or a line of plain text. For any other body, such as an HTML page, `detail` is
    /// empty.
    fn parse(url: &ServerUrl, status: u16, content_type: &str, text: &str) -> Self {
        let problem = if content_type.starts_with("application/problem+json") {
            serde_json::from_str(text).unwrap_or_default()
        } else if content_type.starts_with("text/plain") {
            Problem {
                detail: text.lines().next().unwrap_or_default().to_owned(),
                ..Problem::default()
            }
        } else {
            Problem::default()
        };
        Self {
            url: url.clone(),
            status,
            detail: problem.detail.chars().take(DETAIL_CHARS_MAX).collect(),
            paths: problem.paths,
            missing: problem.missing,
            expects_tls: !url.is_tls()
                && status == 400
                && TLS_PORT.iter().any(|words| text.contains(words)),
            has_server_detail: true,
        }
    }

    /// Returns the kind of error that a local store would return for the same operation.
    pub fn kind(&self) -> ErrorKind {
        match self.status {
            // A 404 without a detail in a form that wasmstore uses may come from a server that is not a wasmstore server.
            404 if self.has_server_detail => ErrorKind::NotFound,
            307 | 308 | 409 => ErrorKind::Conflict,
            412 => ErrorKind::Precondition,
            413 => ErrorKind::TooLarge,
            400 if self.expects_tls => ErrorKind::Unavailable,
            400 | 415 | 416 | 431 => ErrorKind::Malformed,
            408 | 429 | 503 => ErrorKind::Busy,
            507 => ErrorKind::Full,
            _ => ErrorKind::Unavailable,
        }
    }

    /// Returns whether a wasmstore server has no endpoint at the requested URL. The URL of the server is then probably wrong, for example
    /// because it ends in a path.
    pub fn is_unknown_endpoint(&self) -> bool {
        self.status == 404 && self.has_server_detail && self.detail == NO_ENDPOINT
    }

    /// Returns whether the request failed because it had no valid API key.
    pub fn needs_key(&self) -> bool {
        self.status == 401
    }
}

/// Displays the reason alone, as a local store would, if the store rejected the request. Prefixes the URL if the server failed or is not a
/// wasmstore server.
impl fmt::Display for ErrorResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            ErrorKind::Unavailable | ErrorKind::Busy => write!(f, "{}: {}", self.url, self.detail),
            _ if !self.has_server_detail || self.is_unknown_endpoint() => {
                write!(f, "{}: {}", self.url, self.detail)
            }
            _ => f.write_str(&self.detail),
        }
    }
}

impl std::error::Error for ErrorResponse {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(status: u16, content_type: &str, text: &str) -> ErrorResponse {
        let url = ServerUrl::parse("http://a.example").unwrap();
        ErrorResponse::parse(&url, status, content_type, text)
    }

    #[test]
    fn a_problem_document_is_displayed_as_the_stores_own_error() {
        let text = r#"{"type":"about:blank","title":"Not Found","status":404,"detail":"there is no module /a",
            "missing":{"kind":"module","name":"/a"}}"#;
        let response = parse(404, "application/problem+json", text);
        assert_eq!(response.to_string(), "there is no module /a");
        assert_eq!(response.missing, Some(MissingName::Module("/a".to_owned())));
        let response = parse(503, "text/plain; charset=utf-8", "busy\nmore");
        assert_eq!(response.to_string(), "http://a.example: busy");
    }

    #[test]
    fn a_missing_endpoint_is_reported_with_the_url() {
        let response = parse(404, "text/plain", "there is no such endpoint");
        assert!(response.is_unknown_endpoint());
        assert_eq!(response.kind(), ErrorKind::NotFound);
        assert_eq!(
            response.to_string(),
            "http://a.example: there is no such endpoint"
        );
    }

    #[test]
    fn a_body_that_no_store_sends_is_not_quoted() {
        for (content_type, text) in [
            ("text/html", "<html>"),
            ("application/problem+json", "<html>"),
            ("", "\u{1b}[2J"),
        ] {
            assert_eq!(parse(502, content_type, text).detail, "", "{content_type}");
        }
        let long = parse(400, "text/plain", &"x".repeat(10_000));
        assert_eq!(long.detail.len(), DETAIL_CHARS_MAX);
    }
}
