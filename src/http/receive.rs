//! From the socket into an upload: a piece at a time, and not slower than is bearable.

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

use super::decode::Decoding;
use super::error::{Failure, Result};
use super::state::App;
use crate::config::ServerLimits;

/// How much of a body is handed over at a time, in bytes.
const PIECE_BYTES: usize = 256 << 10;

/// A request's body.
pub(super) struct Receiving {
    body: Body,
    limits: ServerLimits,
    /// When `missing_bytes` have to be there.
    deadline: Instant,
    missing_bytes: u64,
}

impl Receiving {
    /// Nothing is read yet.
    pub fn new(body: Body, limits: ServerLimits) -> Self {
        Self {
            body,
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

    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let Ok(frame) = timeout_at(self.deadline, self.body.frame()).await else {
                let detail = "the body comes too slowly";
                return Err(Failure::new(StatusCode::REQUEST_TIMEOUT, detail));
            };
            let Some(frame) = frame else { return Ok(None) };
            let cut_short = |_| Failure::malformed("the body was cut short or malformed");
            // Trailers are passed over.
            if let Ok(bytes) = frame.map_err(cut_short)?.into_data() {
                self.note(bytes.len() as u64);
                return Ok(Some(bytes));
            }
        }
    }

    fn note(&mut self, bytes: u64) {
        self.missing_bytes = self.missing_bytes.saturating_sub(bytes);
        if self.missing_bytes == 0 {
            self.deadline = Instant::now() + self.limits.body_progress_timeout;
            self.missing_bytes = self.limits.body_progress_bytes_min;
        }
    }
}
