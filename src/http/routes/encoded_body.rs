//! Receives the body of an upload, decodes it, and passes it to a sink.

use std::io::Write;
use std::time::Instant;

use axum::http::HeaderMap;

use crate::budget::Charge;
use crate::http::error::Result;
use crate::http::module::encodings::Coding;
use crate::http::state::App;
use crate::http::upload::body::RequestBody;
use crate::http::upload::body_digest::BodyDigest;
use crate::http::upload::decoding::BodyDecoder;
use crate::http::upload::memory::CHUNK_BYTES;

/// The body of an upload: its decoder, and the digests that the body must have.
pub(super) struct EncodedBody<W: Write> {
    decoder: BodyDecoder<W>,
    digest: BodyDigest,
}

impl<W: Write> EncodedBody<W> {
    /// Creates a body that is decoded into `sink`. Resizes `charge`, the memory that the request has taken from the memory budget, to the
    /// memory that the decoder uses.
    ///
    /// # Errors
    /// 400 if a digest in the headers is malformed; 503 if there is no memory for the decoder.
    pub fn new(
        headers: &HeaderMap,
        coding: Option<Coding>,
        sink: W,
        charge: Charge,
    ) -> Result<Self> {
        Ok(Self {
            digest: BodyDigest::new(headers)?,
            decoder: BodyDecoder::new(coding, sink, charge)?,
        })
    }

    /// Decodes the next bytes of the body, and writes the result to the sink.
    ///
    /// # Errors
    /// 400 if the bytes are not valid in the content coding; the failure of the sink.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.digest.update(bytes);
        self.decoder.write(bytes)
    }

    /// Checks the digests of the whole body, completes the decoding, and returns the sink. The digests are checked first: if the body was
    /// damaged during the transfer, the module is usually invalid too, but the error must say that the body was damaged.
    ///
    /// # Errors
    /// 400 if a digest differs or the body is incomplete; the failure of the sink.
    pub fn finish(self) -> Result<W> {
        self.digest.check()?;
        self.decoder.finish()
    }
}

/// Receives a body into `upload`. Returns `upload` and the last chunk of the body, which is not decoded yet. The caller decodes it on the
/// blocking thread that also runs the write, which saves a switch to another blocking thread.
pub(super) async fn receive<W: Write + Send + 'static>(
    app: &App,
    mut body: RequestBody,
    mut upload: EncodedBody<W>,
) -> Result<(EncodedBody<W>, Vec<u8>)> {
    // Frames are copied, because a frame of one byte may keep a whole read buffer in memory.
    let mut chunk = Vec::new();
    while let Some(bytes) = body.next().await? {
        chunk.extend_from_slice(&bytes);
        if chunk.len() >= CHUNK_BYTES {
            let full = std::mem::take(&mut chunk);
            let started = Instant::now();
            let decoded = app.run_read(move |_| {
                upload.write(&full)?;
                Ok(upload)
            });
            upload = decoded.await?;
            // Extends the time limit for the rest of the body by the time that the server took to validate this chunk.
            body.extend_deadline(started.elapsed());
        }
    }
    Ok((upload, chunk))
}
