//! Reads the parts of a multipart body (RFC 7578) while the body is received.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use futures_util::stream;
use tokio::sync::Mutex;
use tokio::task::yield_now;

use super::body::RequestBody;
use super::body_digest::BodyDigest;
use crate::http::error::{Failure, Result};

/// The media type of a multipart body.
pub(in crate::http) const MULTIPART: &str = "multipart/form-data";

/// The limit on the bytes that the parser holds in memory and has not returned as the content of a part: the head of a part, and the frame
/// of the body in which this head ends. The caller charges this memory.
pub(in crate::http) const HELD_BYTES_MAX: usize = 1 << 20;

/// A multipart body that is being received.
pub(in crate::http) struct MultipartBody {
    parts: multer::Multipart<'static>,
    frames: Arc<Mutex<Frames>>,
    held_bytes: Arc<AtomicUsize>,
}

/// The frames of a body that the parser has not read, and the digests that the whole body must have.
struct Frames {
    body: RequestBody,
    digest: BodyDigest,
    sent: Instant,
}

impl Frames {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        // Extends the time limit for the rest of the body by the time that the server took to validate the previous frame.
        self.body.extend_deadline(self.sent.elapsed());
        let frame = self.body.next().await?;
        self.digest.update(frame.as_deref().unwrap_or_default());
        self.sent = Instant::now();
        Ok(frame)
    }
}

/// A part of a multipart body that is being received.
pub(in crate::http) struct BodyPart {
    field: multer::Field<'static>,
    held_bytes: Arc<AtomicUsize>,
}

impl MultipartBody {
    /// Wraps the body of a request.
    ///
    /// # Errors
    /// 415 if `Content-Type` has no boundary; 400 if a digest in the headers is malformed.
    pub fn new(headers: &HeaderMap, body: RequestBody) -> Result<Self> {
        let content_type = headers.get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let boundary = multer::parse_boundary(content_type.unwrap_or_default());
        let boundary = boundary.map_err(|_| {
            let detail = "the form must be sent as multipart/form-data with a boundary";
            Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
        })?;
        let held_bytes = Arc::new(AtomicUsize::new(0));
        let frames = Arc::new(Mutex::new(Frames {
            body,
            digest: BodyDigest::new(headers)?,
            sent: Instant::now(),
        }));
        let stream = frame_stream(Arc::clone(&frames), Arc::clone(&held_bytes));
        Ok(Self {
            parts: multer::Multipart::new(stream, boundary),
            frames,
            held_bytes,
        })
    }

    /// Reads the rest of the body after the last part, and checks the digests of the whole body.
    ///
    /// # Errors
    /// 400 if a digest differs or the body is truncated; 408 if it arrives too slowly.
    pub async fn finish(self) -> Result<()> {
        drop(self.parts);
        let mut frames = self.frames.lock().await;
        let mut bytes = 0;
        while let Some(frame) = frames.next().await? {
            bytes += frame.len();
            if bytes > HELD_BYTES_MAX {
                let detail = "the form continues after its last part; nothing was changed";
                return Err(Failure::malformed(detail));
            }
        }
        std::mem::take(&mut frames.digest).check()
    }

    /// Returns the next part; `None` at the end of the body.
    ///
    /// # Errors
    /// 400 if the body is malformed or truncated; 408 if it is received too slowly.
    pub async fn next(&mut self) -> Result<Option<BodyPart>> {
        self.held_bytes.store(0, Ordering::Relaxed);
        let field = self.parts.next_field().await.map_err(failure)?;
        Ok(field.map(|field| BodyPart {
            field,
            held_bytes: Arc::clone(&self.held_bytes),
        }))
    }
}

impl BodyPart {
    /// Returns the name of the part.
    pub fn name(&self) -> Option<&str> {
        self.field.name()
    }

    /// Returns the name of the file in the part; `None` if the part is not a file.
    pub fn file_name(&self) -> Option<String> {
        self.field.file_name().map(decode_name)
    }

    /// Returns the digests that the part must have.
    ///
    /// # Errors
    /// 400 if one is malformed.
    pub fn digest(&self) -> Result<BodyDigest> {
        BodyDigest::new(self.field.headers())
    }

    /// Returns the next bytes of the part; `None` at its end.
    ///
    /// # Errors
    /// 400 if the body is malformed or truncated; 408 if it is received too slowly.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        let bytes = self.field.chunk().await.map_err(failure)?;
        self.held_bytes.store(0, Ordering::Relaxed);
        Ok(bytes)
    }
}

/// Returns the frames of a body as a stream. The parser reads from the stream as long as the stream is ready, and holds in memory all bytes
/// that it has not parsed. To limit these bytes, the stream is never ready twice in a row, and it fails if the parser holds more than
/// [`HELD_BYTES_MAX`].
fn frame_stream(
    frames: Arc<Mutex<Frames>>,
    held_bytes: Arc<AtomicUsize>,
) -> impl stream::Stream<Item = Result<Bytes>> {
    stream::try_unfold((frames, held_bytes), async |(frames, held_bytes)| {
        yield_now().await;
        let Some(frame) = frames.lock().await.next().await? else {
            return Ok(None);
        };
        let held = held_bytes.fetch_add(frame.len(), Ordering::Relaxed);
        if held > HELD_BYTES_MAX {
            let detail = "the head of a part of the form is too long; nothing was changed";
            return Err(Failure::malformed(detail));
        }
        Ok(Some((frame, (frames, held_bytes))))
    })
}

/// Decodes the characters that browsers escape in the name of a file (HTML Standard, "multipart form data").
fn decode_name(name: &str) -> String {
    let name = name.replace("%22", "\"");
    name.replace("%0D", "\r").replace("%0A", "\n")
}

fn failure(error: multer::Error) -> Failure {
    let malformed =
        || Failure::malformed("the form is malformed or truncated; nothing was changed");
    match error {
        multer::Error::StreamReadFailed(error) => match error.downcast::<Failure>() {
            Ok(failure) => *failure,
            Err(_) => malformed(),
        },
        _ => malformed(),
    }
}
