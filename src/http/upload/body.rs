//! Reads the body of a request from the connection, and enforces a minimum rate.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode, Version};
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

use crate::config::ServerLimits;
use crate::http::error::{Failure, Result};

/// The body of a request.
pub(in crate::http) struct RequestBody {
    body: Body,
    /// Whether the end of the body must be checked with [`is_end_stream`](HttpBody::is_end_stream). When a client cancels an HTTP/2 request
    /// without an error (RFC 9113, section 8.1), hyper reports the end of the body as if it were complete.
    may_end_early: bool,
    /// The length of the body according to `Content-Length`, in bytes.
    announced_bytes: Option<u64>,
    received_bytes: u64,
    limits: ServerLimits,
    /// The time by which the client must have sent `missing_bytes` more bytes.
    deadline: Instant,
    missing_bytes: u64,
}

impl RequestBody {
    /// Wraps the body of a request with this version and these headers.
    pub fn new(
        (version, headers): (Version, &HeaderMap),
        body: Body,
        limits: ServerLimits,
    ) -> Self {
        Self {
            body,
            may_end_early: version == Version::HTTP_2,
            announced_bytes: content_length(headers),
            received_bytes: 0,
            limits,
            deadline: Instant::now() + limits.body_progress_timeout,
            missing_bytes: limits.body_progress_bytes_min,
        }
    }

    /// Receives the whole body, of at most `bytes_max` bytes.
    ///
    /// # Errors
    /// `too_large` if the body is longer; the errors of [`next`](Self::next).
    pub async fn collect(
        mut self,
        bytes_max: usize,
        too_large: fn() -> Failure,
    ) -> Result<Vec<u8>> {
        let mut received = Vec::new();
        while let Some(bytes) = self.next().await? {
            if bytes.len() > bytes_max - received.len() {
                return Err(too_large());
            }
            received.extend_from_slice(&bytes);
        }
        Ok(received)
    }

    /// Extends the deadline by time that the server has used, not the client.
    pub fn extend_deadline(&mut self, elapsed: Duration) {
        self.deadline += elapsed;
    }

    /// Returns the next bytes of the body; `None` at its end.
    ///
    /// # Errors
    /// 400 if the body is truncated, 408 if it is received too slowly.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let Ok(frame) = timeout_at(self.deadline, self.body.frame()).await else {
                let detail = "the body arrives too slowly";
                return Err(Failure::new(StatusCode::REQUEST_TIMEOUT, detail));
            };
            let truncated = || Failure::malformed("the body is truncated or malformed");
            let Some(frame) = frame else {
                return if self.is_complete() {
                    Ok(None)
                } else {
                    Err(truncated())
                };
            };
            // Trailers are ignored.
            if let Ok(bytes) = frame.map_err(|_| truncated())?.into_data() {
                self.record_progress(bytes.len() as u64);
                return Ok(Some(bytes));
            }
        }
    }

    fn is_complete(&self) -> bool {
        (!self.may_end_early || self.body.is_end_stream())
            && self
                .announced_bytes
                .is_none_or(|bytes| bytes == self.received_bytes)
    }

    fn record_progress(&mut self, bytes: u64) {
        self.received_bytes += bytes;
        self.missing_bytes = self.missing_bytes.saturating_sub(bytes);
        if self.missing_bytes == 0 {
            self.deadline = Instant::now() + self.limits.body_progress_timeout;
            self.missing_bytes = self.limits.body_progress_bytes_min;
        }
    }
}

/// Returns whether the request has this media type in `Content-Type`.
pub(in crate::http) fn has_media_type(headers: &HeaderMap, media_type: &str) -> bool {
    let value = headers.get(CONTENT_TYPE);
    let text = value.and_then(|value| value.to_str().ok());
    let essence = text.and_then(|text| text.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(media_type))
}

/// Parses `Content-Length`; returns `None` if it is missing or malformed.
pub(in crate::http) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
