//! Uploads in a content coding, decoded as they arrive.

use std::io::{self, Write};

use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use axum::http::{HeaderMap, StatusCode};
use flate2::write::MultiGzDecoder;
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use crate::http::blocking::busy;
use crate::http::error::{Failure, Result};
use crate::http::module::encodings::Coding;
use crate::http::upload::quota::Share;
use crate::store::Upload;

/// The largest window of a zstd frame, as a power of two: 8 MiB, which RFC 9659 has every decoder of the content coding take.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// How much is decoded at a time, in bytes.
const PIECE_BYTES: usize = 1 << 16;

/// The content coding of an upload; `None` if its bytes are the module's.
///
/// # Errors
/// 415 if it is another, or there are several.
pub(in crate::http) fn coding(headers: &HeaderMap) -> Result<Option<Coding>> {
    let mut values = headers.get_all(CONTENT_ENCODING).iter();
    let Some(value) = values.next().filter(|_| values.next().is_none()) else {
        return match headers.contains_key(CONTENT_ENCODING) {
            true => Err(unsupported()),
            false => Ok(None),
        };
    };
    match value
        .to_str()
        .unwrap_or("?")
        .trim()
        .to_ascii_lowercase()
        .as_str()
    {
        "" | "identity" => Ok(None),
        "gzip" | "x-gzip" => Ok(Some(Coding::Gzip)),
        "zstd" => Ok(Some(Coding::Zstd)),
        _ => Err(unsupported()),
    }
}

fn unsupported() -> Failure {
    let detail = "Content-Encoding may be gzip or zstd";
    Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail).with(ACCEPT_ENCODING, "gzip, zstd")
}

/// An upload that takes encoded bytes.
pub(in crate::http) enum Decoding {
    Plain(Box<Sink>),
    Gzip(Box<MultiGzDecoder<Sink>>),
    Zstd(Box<Zstd>),
}

impl Decoding {
    /// Decodes from `coding` into `upload`, which takes up `share`.
    pub fn new(upload: Upload, coding: Option<Coding>, share: Share) -> Self {
        let sink = Sink {
            upload,
            share,
            refusal: None,
        };
        match coding {
            None => Self::Plain(Box::new(sink)),
            Some(Coding::Gzip) => Self::Gzip(Box::new(MultiGzDecoder::new(sink))),
            Some(Coding::Zstd) => Self::Zstd(Box::new(Zstd::new(sink))),
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// They are no such coding, or no valid module.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = match self {
            Self::Plain(sink) => sink.write_all(bytes),
            Self::Gzip(gzip) => gzip.write_all(bytes),
            Self::Zstd(zstd) => zstd.write(bytes),
        };
        written.map_err(|error| self.failure(&error))
    }

    /// The upload with all its bytes.
    ///
    /// # Errors
    /// The coding's end is missing.
    pub fn finish(mut self) -> Result<Upload> {
        let finished = match &mut self {
            Self::Plain(_) => Ok(()),
            Self::Gzip(gzip) => gzip.try_finish(),
            Self::Zstd(zstd) => zstd.finish(),
        };
        finished.map_err(|error| self.failure(&error))?;
        match self {
            Self::Plain(sink) => Ok(sink.upload),
            Self::Zstd(zstd) => Ok(zstd.sink.upload),
            Self::Gzip(gzip) => match gzip.finish() {
                Ok(sink) => Ok(sink.upload),
                Err(error) => Err(broken("gzip", &error)),
            },
        }
    }

    /// What the upload refused, or else what is wrong with the coding.
    fn failure(&mut self, error: &io::Error) -> Failure {
        let (sink, name) = match self {
            Self::Plain(sink) => (&mut **sink, "plain"),
            Self::Gzip(gzip) => (gzip.get_mut(), "gzip"),
            Self::Zstd(zstd) => (&mut zstd.sink, "zstd"),
        };
        match sink.refusal.take() {
            Some(refusal) => refusal,
            None => broken(name, error),
        }
    }
}

fn broken(name: &str, error: &io::Error) -> Failure {
    Failure::malformed(format!(
        "the body is not complete and valid {name}: {error}"
    ))
}

/// Where decoded bytes go.
pub(in crate::http) struct Sink {
    upload: Upload,
    share: Share,
    refusal: Option<Failure>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match self.share.grow(bytes.len()) {
            true => self.upload.write(bytes).map_err(Failure::from),
            false => Err(busy()),
        };
        written.map_err(|refusal| {
            self.refusal = Some(refusal);
            io::Error::other("refused")
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One or more zstd frames (RFC 8878, section 3).
pub(in crate::http) struct Zstd {
    sink: Sink,
    decoder: io::Result<Decoder<'static>>,
    piece: Vec<u8>,
    is_between_frames: bool,
}

impl Zstd {
    fn new(sink: Sink) -> Self {
        let decoder = Decoder::new().and_then(|mut decoder| {
            decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX))?;
            Ok(decoder)
        });
        Self {
            sink,
            decoder,
            piece: vec![0; PIECE_BYTES],
            is_between_frames: false,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            // A decoder that is done would take it for the beginning of another frame.
            return Ok(());
        }
        let decoder = match &mut self.decoder {
            Ok(decoder) => decoder,
            Err(error) => return Err(io::Error::new(error.kind(), error.to_string())),
        };
        let mut from = InBuffer::around(bytes);
        loop {
            if self.is_between_frames && from.pos() < bytes.len() {
                decoder.reinit()?;
            }
            let mut to = OutBuffer::around(&mut self.piece);
            let hint = decoder.run(&mut from, &mut to)?;
            let (is_full, used) = (to.pos() == to.capacity(), to.pos());
            self.is_between_frames = hint == 0;
            self.sink.write_all(&self.piece[..used])?;
            if from.pos() == bytes.len() && !(is_full && hint != 0) {
                return Ok(());
            }
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self.is_between_frames {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}
