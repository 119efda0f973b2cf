//! Receives the body of a pushed blob or manifest, in chunks that are charged to the memory budget.

use axum::body::Body;
use axum::http::request::Parts;

use crate::http::error::Result;
use crate::http::state::App;
use crate::http::upload::body::{RequestBody, content_length};
use crate::http::upload::memory::{CHUNK_BYTES, UploadMemory};

/// The body of a request that pushes a blob or manifest.
pub(super) struct UploadBody {
    body: RequestBody,
    memory: UploadMemory,
    is_complete: bool,
}

impl UploadBody {
    /// Charges the memory for a chunk, and wraps the body of the request.
    ///
    /// # Errors
    /// 503 if the memory does not become free in time.
    pub async fn new(app: &App, parts: &Parts, body: Body) -> Result<Self> {
        let length = content_length(&parts.headers);
        let charge = app.charge(UploadMemory::first_bytes(length)).await?;
        Ok(Self {
            body: RequestBody::new((parts.version, &parts.headers), body, app.limits),
            memory: UploadMemory::new(charge, length),
            is_complete: false,
        })
    }

    /// Returns the next chunk, which is not empty; `None` at the end of the body.
    ///
    /// # Errors
    /// 400 if the body is truncated, 408 if it is received too slowly.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let mut chunk = Vec::new();
        while !self.is_complete && chunk.len() < CHUNK_BYTES {
            match self.body.next().await? {
                // Frames are copied, because a frame of one byte may keep a whole read buffer in memory.
                Some(bytes) => chunk.extend_from_slice(&bytes),
                None => self.is_complete = true,
            }
        }
        Ok((!chunk.is_empty()).then_some(chunk))
    }

    /// Returns whether the end of the body was reached, so that no chunk follows.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Resizes the charge such that it covers one chunk and `kept_bytes`, the bytes that the caller keeps in memory.
    ///
    /// # Errors
    /// 503 if the memory is used up.
    pub fn hold(&mut self, kept_bytes: usize) -> Result<()> {
        self.memory.hold(kept_bytes)
    }
}
