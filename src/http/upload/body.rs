//! From the socket into an upload: a piece at a time, and not slower than is bearable.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode, Version};
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

use crate::config::ServerLimits;
use crate::http::error::{Failure, Result};
use crate::http::state::App;
use crate::http::upload::decoding::Decoding;

/// How much of a body is handed over at a time, in bytes.
const PIECE_BYTES: usize = 256 << 10;

/// A request's body.
pub(in crate::http) struct Receiving {
    body: Body,
    /// Whether the body itself tells if it came to its end: HTTP/2 ends the body of a request that the client gave up without an
    /// error (RFC 9113, section 8.1) like one that is complete.
    tells_end: bool,
    /// The length that was announced, and what came of it.
    announced_bytes: Option<u64>,
    received_bytes: u64,
    limits: ServerLimits,
    /// When `missing_bytes` have to be there.
    deadline: Instant,
    missing_bytes: u64,
}

impl Receiving {
    /// Nothing is read yet.
    pub fn new(
        (version, headers): (Version, &HeaderMap),
        body: Body,
        limits: ServerLimits,
    ) -> Self {
        Self {
            body,
            tells_end: version == Version::HTTP_2,
            announced_bytes: announced_bytes(headers),
            received_bytes: 0,
            limits,
            deadline: Instant::now() + limits.body_progress_timeout,
            missing_bytes: limits.body_progress_bytes_min,
        }
    }

    /// Reads the body into `decoding`; returns it with what is left to be written: the last piece.
    ///
    /// # Errors
    /// 400 if the body is cut short, 408 if it comes too slowly; what `decoding` refuses.
    pub async fn into(mut self, app: &App, mut decoding: Decoding) -> Result<(Decoding, Vec<u8>)> {
        // Copied: a frame may be a byte that keeps a whole buffer in memory.
        let mut piece = Vec::new();
        while let Some(bytes) = self.next().await? {
            piece.extend_from_slice(&bytes);
            if piece.len() >= PIECE_BYTES {
                let full = std::mem::take(&mut piece);
                let written = app.run(move |_| {
                    decoding.write(&full)?;
                    Ok(decoding)
                });
                decoding = written.await?;
            }
        }
        Ok((decoding, piece))
    }

    /// Puts the deadline off by what the server itself took.
    pub fn put_off(&mut self, taken: Duration) {
        self.deadline += taken;
    }

    /// The next bytes of the body; `None` at its end.
    ///
    /// # Errors
    /// 400 if the body is cut short, 408 if it comes too slowly.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let Ok(frame) = timeout_at(self.deadline, self.body.frame()).await else {
                let detail = "the body comes too slowly";
                return Err(Failure::new(StatusCode::REQUEST_TIMEOUT, detail));
            };
            let cut_short = || Failure::malformed("the body was cut short or malformed");
            let Some(frame) = frame else {
                return match self.is_complete() {
                    true => Ok(None),
                    false => Err(cut_short()),
                };
            };
            // Trailers are passed over.
            if let Ok(bytes) = frame.map_err(|_| cut_short())?.into_data() {
                self.note(bytes.len() as u64);
                return Ok(Some(bytes));
            }
        }
    }

    fn is_complete(&self) -> bool {
        (!self.tells_end || self.body.is_end_stream())
            && self
                .announced_bytes
                .is_none_or(|bytes| bytes == self.received_bytes)
    }

    fn note(&mut self, bytes: u64) {
        self.received_bytes += bytes;
        self.missing_bytes = self.missing_bytes.saturating_sub(bytes);
        if self.missing_bytes == 0 {
            self.deadline = Instant::now() + self.limits.body_progress_timeout;
            self.missing_bytes = self.limits.body_progress_bytes_min;
        }
    }
}

/// The length of the body as the head tells it.
pub(in crate::http) fn announced_bytes(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
