//! Decodes request bodies that have a content coding.
//!
//! tower-http's decompression layer is not used, because it limits neither the window of a zstd frame nor the decoded bytes.

use std::io::{self, Write};

use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use axum::http::{HeaderMap, StatusCode};
use flate2::write::MultiGzDecoder;

use crate::budget::Charge;
use crate::http::error::{Failure, Result};
use crate::http::module::encodings::Coding;
use crate::http::upload::memory::UploadMemory;
use crate::http::upload::quota::UploadReservation;
use crate::http::upload::zstd_decoder::ZstdDecoder;
use crate::store::Upload;

/// The memory that a gzip decoder uses, in bytes: zlib's window and state, and the buffer for decoded bytes.
const GZIP_BYTES: u64 = 96 << 10;

/// Returns the content coding of a request body; `None` if the body is not encoded.
///
/// # Errors
/// 415 for a coding other than gzip and zstd, and for a list of codings.
pub(in crate::http) fn content_coding(headers: &HeaderMap) -> Result<Option<Coding>> {
    let mut values = headers.get_all(CONTENT_ENCODING).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.to_str().map_err(|_| unsupported_coding())?,
        (Some(_), Some(_)) => return Err(unsupported_coding()),
    };
    match value.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(None),
        "gzip" | "x-gzip" => Ok(Some(Coding::Gzip)),
        "zstd" => Ok(Some(Coding::Zstd)),
        _ => Err(unsupported_coding()),
    }
}

fn unsupported_coding() -> Failure {
    let detail = "Content-Encoding must be gzip or zstd";
    Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
        .with_header(ACCEPT_ENCODING, "gzip, zstd")
}

/// Decodes a request body while it is received, and writes the decoded bytes to the sink `W`.
///
/// The sink limits the number of decoded bytes. If the sink fails with an error that [`refusal`] has made, the decoder returns the
/// [`Failure`] in that error.
pub(in crate::http) enum BodyDecoder<W: Write> {
    Identity(Box<W>),
    Gzip(
        Box<MultiGzDecoder<W>>,
        #[expect(dead_code, reason = "held for its drop")] Charge,
    ),
    Zstd(Box<ZstdDecoder<W>>),
}

impl<W: Write> BodyDecoder<W> {
    /// Creates a decoder. Without a coding, the decoder passes the body through. Resizes `charge` to the memory that the decoder uses.
    ///
    /// # Errors
    /// 503 if there is no memory for the decoder.
    pub fn new(coding: Option<Coding>, sink: W, mut charge: Charge) -> Result<Self> {
        Ok(match coding {
            None => Self::Identity(Box::new(sink)),
            Some(Coding::Gzip) => {
                charge.try_resize(GZIP_BYTES)?;
                Self::Gzip(Box::new(MultiGzDecoder::new(sink)), charge)
            }
            Some(Coding::Zstd) => Self::Zstd(Box::new(ZstdDecoder::new(sink, charge)?)),
        })
    }

    /// Decodes the next bytes of the body, and writes the result to the sink.
    ///
    /// # Errors
    /// 400 if the bytes are not valid in the content coding; the failure of the sink.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let result = match self {
            Self::Identity(sink) => sink.write_all(bytes),
            Self::Gzip(gzip, _) => gzip.write_all(bytes),
            Self::Zstd(zstd) => zstd.write_all(bytes),
        };
        result.map_err(|error| self.failure(error))
    }

    /// Decodes the remaining bytes at the end of the body, and returns the sink.
    ///
    /// # Errors
    /// 400 if the body ends inside of a gzip member or zstd frame; the failure of the sink.
    pub fn finish(self) -> Result<W> {
        match self {
            Self::Identity(sink) => Ok(*sink),
            Self::Gzip(gzip, _) => gzip.finish().map_err(|error| failure("gzip", error)),
            Self::Zstd(zstd) => zstd.finish().map_err(|error| failure("zstd", error)),
        }
    }

    /// Returns the sink that receives the decoded bytes.
    pub fn sink_mut(&mut self) -> &mut W {
        match self {
            Self::Identity(sink) => sink,
            Self::Gzip(gzip, _) => gzip.get_mut(),
            Self::Zstd(zstd) => zstd.sink_mut(),
        }
    }

    fn failure(&self, error: io::Error) -> Failure {
        let coding = match self {
            Self::Identity(_) => "identity",
            Self::Gzip(..) => "gzip",
            Self::Zstd(_) => "zstd",
        };
        failure(coding, error)
    }
}

/// Wraps a failure in an I/O error that a sink can return. [`BodyDecoder`] unwraps it.
pub(in crate::http) fn refusal(failure: Failure) -> io::Error {
    io::Error::other(failure)
}

fn failure(coding: &str, error: io::Error) -> Failure {
    error.downcast::<Failure>().unwrap_or_else(|error| {
        Failure::malformed(format!(
            "the body is not complete and valid {coding}: {error}"
        ))
    })
}

/// The sink for an uploaded module. `upload` limits the size of the module, and `reservation` the size of all uploads together.
pub(in crate::http) struct ModuleSink {
    upload: Upload,
    reservation: UploadReservation,
    memory: UploadMemory,
}

impl ModuleSink {
    /// Creates a sink that writes to `upload`. While the module arrives, the sink enlarges `reservation`, its part of the quota of all
    /// uploads, and `memory`, its charge on the memory budget.
    pub fn new(upload: Upload, reservation: UploadReservation, memory: UploadMemory) -> Self {
        Self {
            upload,
            reservation,
            memory,
        }
    }

    /// Appends bytes to the module.
    ///
    /// # Errors
    /// 400 if the module is invalid, 413 if it is too large, 503 if the quota of all uploads or the memory is used up.
    pub fn write_chunk(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.write_all(bytes);
        written.map_err(|error| failure("identity", error))
    }

    /// Returns the upload and its memory. The caller must hold the memory as long as the upload.
    pub fn into_parts(self) -> (Upload, UploadMemory) {
        (self.upload, self.memory)
    }
}

impl Write for ModuleSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.reservation.grow(bytes.len()) {
            return Err(refusal(Failure::busy()));
        }
        let buffered_bytes = self.upload.memory_bytes() + bytes.len();
        self.memory.hold(buffered_bytes).map_err(refusal)?;
        let written = self.upload.write(bytes);
        written.map_err(|error| refusal(error.into()))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
