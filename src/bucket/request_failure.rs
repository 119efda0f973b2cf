//! Classifies failed requests to an object store by whether the request may have had an effect.

use object_store::client::{HttpError, HttpErrorKind};

use crate::names::printable;

/// The maximum length of a reason, in characters. Some object stores send a whole page as their error message.
const REASON_CHARS_MAX: usize = 300;

/// The 4xx statuses after which a request may still have an effect: timeout, conflict with a concurrent request, overload.
const AMBIGUOUS_CLIENT_ERRORS: [u16; 3] = [408, 409, 429];

/// A failed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RequestFailure {
    /// The object does not exist.
    NotFound,
    /// The condition of the request is not satisfied. The request had no effect.
    Condition(String),
    /// The request was rejected, or could not be sent. It had no effect.
    Rejected(String),
    /// The request may have had an effect, or may still have one later.
    Unknown(String),
}

impl RequestFailure {
    /// Returns the reason, as one line without secrets.
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::NotFound => "the object does not exist",
            Self::Condition(reason) | Self::Rejected(reason) | Self::Unknown(reason) => reason,
        }
    }
}

impl From<object_store::Error> for RequestFailure {
    fn from(error: object_store::Error) -> Self {
        use object_store::Error;
        let reason = describe(&error);
        match error {
            Error::NotFound { .. } => Self::NotFound,
            Error::AlreadyExists { .. }
            | Error::Precondition { .. }
            | Error::NotModified { .. } => Self::Condition(reason),
            Error::PermissionDenied { .. }
            | Error::Unauthenticated { .. }
            | Error::NotImplemented { .. }
            | Error::NotSupported { .. }
            | Error::InvalidPath { .. }
            | Error::UnknownConfigurationKey { .. } => Self::Rejected(reason),
            other if was_not_sent(&other) => Self::Rejected(reason),
            other if is_rejection(&other) => Self::Rejected(reason),
            _ => Self::Unknown(reason),
        }
    }
}

/// Returns an error and its causes.
fn causes(error: &object_store::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    let first: &(dyn std::error::Error + 'static) = error;
    std::iter::successors(Some(first), |cause| cause.source())
}

/// Returns whether the request was not sent because no connection to the object store could be made.
fn was_not_sent(error: &object_store::Error) -> bool {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<HttpError>())
        .any(|http| http.kind() == HttpErrorKind::Connect)
}

/// Returns whether the status of the response says that the request had no effect.
fn is_rejection(error: &object_store::Error) -> bool {
    let status = status(error).unwrap_or_default();
    let is_client_error = (400..=499).contains(&status);
    status == 501 || (is_client_error && !AMBIGUOUS_CLIENT_ERRORS.contains(&status))
}

/// Returns the status of the response. `object_store` does not export the error type that contains the status, so the status is parsed from
/// the message.
fn status(error: &object_store::Error) -> Option<u16> {
    let text = error.to_string();
    let (_, rest) = text.split_once("status code: ")?;
    rest.get(..3)?.parse().ok()
}

/// Returns a short description: the status and the error code of the store, or else the innermost cause.
fn describe(error: &object_store::Error) -> String {
    let text = error.to_string();
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once('<')?.0)
    };
    let description = match (status(error), element("Code")) {
        (Some(status), Some(code)) => {
            let message = element("Message").unwrap_or_default();
            format!("HTTP {status} {code} {message}")
        }
        (Some(status), None) => {
            let (_, rest) = text.split_once("status code: ").unwrap_or_default();
            format!("HTTP {status}{}", rest.get(3..).unwrap_or_default())
        }
        (None, _) => match causes(error).filter(|cause| cause.is::<HttpError>()).last() {
            Some(http) => crate::repo::chain(http),
            None => text,
        },
    };
    let line = description.split_whitespace().collect::<Vec<_>>().join(" ");
    printable(&line.chars().take(REASON_CHARS_MAX).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(text: &str) -> object_store::Error {
        object_store::Error::Generic {
            store: "S3",
            source: text.to_owned().into(),
        }
    }

    #[test]
    fn rejections_are_distinguished_from_unknown_results() {
        let status = |status: &str, body: &str| {
            RequestFailure::from(generic(&format!(
                "Server returned non-2xx status code: {status}: {body}"
            )))
        };
        let body =
            "<Error><Code>SlowDown</Code>\n<Message>Reduce your request rate.</Message></Error>";
        let slow = "HTTP 503 SlowDown Reduce your request rate.".to_owned();
        assert_eq!(
            status("503 Service Unavailable", body),
            RequestFailure::Unknown(slow)
        );
        let full = RequestFailure::Rejected("HTTP 400 Bad Request: no".to_owned());
        assert_eq!(status("400 Bad Request", "no"), full);
        assert!(matches!(
            status("409 Conflict", ""),
            RequestFailure::Unknown(_)
        ));
        assert!(matches!(status("500 Oh", ""), RequestFailure::Unknown(_)));
        assert!(matches!(status("501 Oh", ""), RequestFailure::Rejected(_)));
        assert!(matches!(
            RequestFailure::from(generic("connection reset")),
            RequestFailure::Unknown(_)
        ));
        let long = RequestFailure::from(generic(&"x".repeat(10_000)));
        assert_eq!(long.reason().len(), REASON_CHARS_MAX);
    }
}
