//! Requests that a server refused.

use std::fmt;

use ureq::Body;
use ureq::http::header::{CONTENT_TYPE, LOCATION};
use ureq::http::{Response, StatusCode};

use crate::names::ServerUrl;
use crate::store::Kind;
use crate::wire::{Missing, Problem};

/// The most that is read of a refusal, in bytes.
const BYTES_MAX: u64 = 1 << 20;
/// The most that is told of it, in characters: whatever answers there need not be a store.
const CHARS_MAX: usize = 2_000;

/// What is said of a request whose head is too large.
const TOO_LONG: &str = "the message, the author or a name is too long to be sent";

/// A request that a server refused, or could not do.
#[derive(Debug)]
pub struct Refused {
    /// Where the server is.
    pub url: ServerUrl,
    /// The status (RFC 9110, section 15).
    pub status: u16,
    /// Why, on one line.
    pub detail: String,
    /// The paths of a conflict.
    pub paths: Vec<String>,
    /// What was named and is not there, if it is known what that is.
    pub missing: Option<Missing>,
    /// Whether the server said why, as a store does.
    is_told: bool,
}

impl Refused {
    /// Reads why.
    pub(super) fn read(url: &ServerUrl, mut answer: Response<Body>) -> Self {
        let header = |name| {
            answer
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let status = answer.status();
        let form = header(CONTENT_TYPE).unwrap_or_default().to_owned();
        let to = header(LOCATION).map(str::to_owned);
        let body = answer.body_mut().with_config().limit(BYTES_MAX);
        let text = body.lossy_utf8(true).read_to_string().unwrap_or_default();
        Self::of(url, status, &form, to, &text)
    }

    /// The same of an answer that was read; `to` is where it sends whoever asks.
    pub(super) fn of(
        url: &ServerUrl,
        status: StatusCode,
        form: &str,
        to: Option<String>,
        text: &str,
    ) -> Self {
        let mut refused = Self::told(url, status.as_u16(), form, text);
        if refused.detail.is_empty() {
            refused.is_told = false;
            refused.detail = match (status.as_u16(), to) {
                (431, _) => TOO_LONG.to_owned(),
                (_, Some(to)) => format!("it sends on to {to}"),
                (_, None) => format!("it answers {status}"),
            };
        }
        refused
    }

    /// A request whose head no server takes (431: RFC 6585, section 5).
    pub(super) fn too_long(url: &ServerUrl) -> Self {
        Self::of(
            url,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "",
            None,
            "",
        )
    }

    /// What is not there, said as the store would.
    pub(super) fn not_found(url: &ServerUrl, detail: String, missing: Option<Missing>) -> Self {
        Self {
            url: url.clone(),
            status: 404,
            detail,
            paths: Vec::new(),
            missing,
            is_told: true,
        }
    }

    /// What a status and a body of that type say.
    fn told(url: &ServerUrl, status: u16, form: &str, text: &str) -> Self {
        let plain = || Problem {
            // A page for a browser says nothing on one line.
            detail: match form.starts_with("text/plain") {
                true => text.lines().next().unwrap_or_default().to_owned(),
                false => String::new(),
            },
            ..Problem::default()
        };
        let problem = match form.starts_with("application/problem+json") {
            true => serde_json::from_str(text).unwrap_or_else(|_| plain()),
            false => plain(),
        };
        Self {
            url: url.clone(),
            status,
            detail: problem.detail.chars().take(CHARS_MAX).collect(),
            paths: problem.paths,
            missing: problem.missing,
            is_told: true,
        }
    }

    /// What kind of failure it is, as if the store were here.
    pub fn kind(&self) -> Kind {
        match self.status {
            // Whoever has no such page need not be a store.
            404 if self.is_told => Kind::NotFound,
            307 | 308 | 409 => Kind::Conflict,
            412 => Kind::Precondition,
            413 => Kind::TooLarge,
            400 | 415 | 416 | 431 => Kind::Malformed,
            408 | 503 => Kind::Busy,
            507 => Kind::Full,
            _ => Kind::Unavailable,
        }
    }

    /// Whether a key, or another one, would help.
    pub fn needs_key(&self) -> bool {
        self.status == 401
    }
}

/// What the store said, as it would be said here; where the server is, if it is that which failed.
impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            Kind::Unavailable | Kind::Busy => write!(f, "{}: {}", self.url, self.detail),
            _ if !self.is_told => write!(f, "{}: {}", self.url, self.detail),
            _ => f.write_str(&self.detail),
        }
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, form: &str, text: &str) -> Refused {
        let url = ServerUrl::parse("http://a.example").unwrap();
        Refused::told(&url, status, form, text)
    }

    #[test]
    fn a_problem_is_told_as_the_store_tells_it() {
        let text = r#"{"type":"about:blank","title":"Not Found","status":404,"detail":"there is no module /a",
            "missing":{"kind":"module","name":"/a"}}"#;
        let refused = told(404, "application/problem+json", text);
        assert_eq!(refused.to_string(), "there is no module /a");
        assert_eq!(refused.missing, Some(Missing::Module("/a".to_owned())));
        let refused = told(503, "text/plain; charset=utf-8", "busy\nmore");
        assert_eq!(refused.to_string(), "http://a.example: busy");
    }

    #[test]
    fn what_is_no_store_is_not_quoted() {
        for (form, text) in [
            ("text/html", "<html>"),
            ("application/problem+json", "<html>"),
            ("", "\u{1b}[2J"),
        ] {
            assert_eq!(told(502, form, text).detail, "", "{form}");
        }
        let long = told(400, "text/plain", &"x".repeat(10_000));
        assert_eq!(long.detail.len(), CHARS_MAX);
    }
}
