//! Logs the failed requests to a bucket that the library `object_store` repeats. The library itself logs them in its own words, one line
//! per failure, which the log of a server leaves out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    ReqwestConnector,
};

/// The target of the log lines of `object_store`.
pub const CLIENT_LOG_TARGET: &str = "object_store";

/// The minimum time between two log lines. Failures in between are only counted: a bucket that is down fails many requests per second.
const PAUSE: Duration = Duration::from_secs(10);

/// Creates HTTP clients that log failed requests.
#[derive(Debug, Default)]
pub(super) struct LoggedConnector {
    log: Arc<FailureLog>,
}

impl HttpConnector for LoggedConnector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(LoggedClient {
            client: ReqwestConnector::default().connect(options)?,
            log: Arc::clone(&self.log),
        }))
    }
}

/// An HTTP client that logs failed requests.
#[derive(Debug)]
struct LoggedClient {
    client: HttpClient,
    log: Arc<FailureLog>,
}

#[async_trait]
impl HttpService for LoggedClient {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        // The query of a URL may have a signature, so only the path is logged.
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let result = self.client.execute(request).await;
        let reason = match &result {
            Ok(response) if !is_failure(response.status().as_u16()) => return result,
            Ok(response) => format!("status {}", response.status().as_u16()),
            Err(error) => describe(error.kind()).to_owned(),
        };
        if let Some(failures) = self.log.count(Instant::now()) {
            tracing::warn!(%method, path, reason, failures, "a request to the bucket failed and may be repeated");
        }
        result
    }
}

/// Returns whether the library repeats a request that got a response with this status.
fn is_failure(status: u16) -> bool {
    status >= 500 || status == 408 || status == 429
}

fn describe(kind: HttpErrorKind) -> &'static str {
    match kind {
        HttpErrorKind::Connect => "cannot connect",
        HttpErrorKind::Timeout => "no response in time",
        HttpErrorKind::Request | HttpErrorKind::Interrupted => "the connection was closed",
        HttpErrorKind::Decode => "the response is malformed",
        _ => "the transfer failed",
    }
}

/// The failures that were not logged yet.
#[derive(Debug, Default)]
struct FailureLog {
    // A standard mutex, because it is held for a few instructions only.
    state: Mutex<FailureState>,
}

#[derive(Debug, Default)]
struct FailureState {
    failures: u64,
    logged: Option<Instant>,
}

impl FailureLog {
    /// Counts a failure. If it is to be logged, returns the number of failures since the last log line.
    fn count(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures += 1;
        let logged = state.logged;
        if logged.is_some_and(|logged| now.saturating_duration_since(logged) < PAUSE) {
            return None;
        }
        state.logged = Some(now);
        Some(std::mem::take(&mut state.failures))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_between_two_lines_are_counted() {
        let log = FailureLog::default();
        let start = Instant::now();
        assert_eq!(log.count(start), Some(1));
        assert_eq!(log.count(start + PAUSE / 2), None);
        assert_eq!(log.count(start + PAUSE / 2), None);
        assert_eq!(log.count(start + PAUSE), Some(3));
        assert_eq!(log.count(start + PAUSE * 2), Some(1));
    }

    #[test]
    fn only_statuses_that_are_repeated_are_failures() {
        for (status, expected) in [
            (200, false),
            (404, false),
            (412, false),
            (429, true),
            (503, true),
        ] {
            assert_eq!(is_failure(status), expected, "{status}");
        }
    }
}
