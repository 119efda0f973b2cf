//! Decodes the bodies of requests to git, with a limit on the decoded bytes.

use std::io::{self, Write};

use axum::http::header::ACCEPT_ENCODING;
use axum::http::{HeaderMap, StatusCode};

use crate::budget::Charge;
use crate::http::error::{Failure, Result};
use crate::http::module::encodings::Coding;
use crate::http::upload::body::content_length;
use crate::http::upload::decoding::{BodyDecoder, content_coding, refusal};

/// How many encoded bytes are decoded at a time. Deflate decodes each byte to at most 1,032 bytes.
const SLICE_BYTES: usize = 4 << 10;

/// The decoder for the body of a request to git.
pub(in crate::http) enum GitBodyDecoder {
    /// For a body without a coding. The body is passed on without being copied.
    Identity(DecodedLimit),
    Gzip(BodyDecoder<LimitedBuffer>),
}

impl GitBodyDecoder {
    /// Creates the decoder for a request with these headers. The decoded body may have at most `bytes_max` bytes. Resizes `memory` to the
    /// number of bytes that the decoder uses.
    ///
    /// # Errors
    /// 415 if the coding is not gzip; 413 if `Content-Length` already exceeds the limit.
    pub fn new(headers: &HeaderMap, bytes_max: u64, memory: Charge) -> Result<Self> {
        let limit = DecodedLimit {
            left_bytes: bytes_max,
            bytes_max,
        };
        match content_coding(headers)? {
            Some(Coding::Gzip) => {
                let buffer = LimitedBuffer {
                    decoded: Vec::new(),
                    limit,
                };
                let decoder = BodyDecoder::new(Some(Coding::Gzip), buffer, memory)?;
                Ok(Self::Gzip(decoder))
            }
            Some(Coding::Zstd) => Err(unsupported_coding()),
            None if content_length(headers).is_some_and(|bytes| bytes > bytes_max) => {
                Err(limit.too_large())
            }
            None => Ok(Self::Identity(limit)),
        }
    }

    /// Splits a frame of the body into slices, which are passed to [`decode`](Self::decode) one at a time.
    pub fn slices<'b>(&self, frame: &'b [u8]) -> std::slice::Chunks<'b, u8> {
        match self {
            Self::Identity(_) => frame.chunks(frame.len().max(1)),
            Self::Gzip(_) => frame.chunks(SLICE_BYTES),
        }
    }

    /// Returns the decoded bytes of the next slice.
    ///
    /// # Errors
    /// 413 if the limit is exceeded, 400 if the body is not valid gzip.
    pub fn decode<'a>(&'a mut self, slice: &'a [u8]) -> Result<&'a [u8]> {
        match self {
            Self::Identity(limit) => {
                limit.count(slice.len())?;
                Ok(slice)
            }
            Self::Gzip(gzip) => {
                gzip.sink_mut().decoded.clear();
                gzip.write(slice)?;
                Ok(&gzip.sink_mut().decoded)
            }
        }
    }

    /// Returns the decoded bytes that remain after the last slice.
    ///
    /// # Errors
    /// As for [`decode`](Self::decode); 400 if the end of the gzip stream is missing.
    pub fn finish(self) -> Result<Vec<u8>> {
        let Self::Gzip(mut gzip) = self else {
            return Ok(Vec::new());
        };
        gzip.sink_mut().decoded.clear();
        Ok(gzip.finish()?.decoded)
    }
}

fn unsupported_coding() -> Failure {
    let detail = "Content-Encoding must be gzip";
    Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail).with_header(ACCEPT_ENCODING, "gzip")
}

/// The limit on the decoded bytes of a body, and how many of them are left.
pub(in crate::http) struct DecodedLimit {
    left_bytes: u64,
    bytes_max: u64,
}

impl DecodedLimit {
    fn count(&mut self, bytes: usize) -> Result<()> {
        let left_bytes = self.left_bytes.checked_sub(bytes as u64);
        self.left_bytes = left_bytes.ok_or_else(|| self.too_large())?;
        Ok(())
    }

    fn too_large(&self) -> Failure {
        let detail = format!("the request is larger than {} bytes", self.bytes_max);
        Failure::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    }
}

/// A buffer for the decoded bytes of one slice.
pub(in crate::http) struct LimitedBuffer {
    decoded: Vec<u8>,
    limit: DecodedLimit,
}

impl Write for LimitedBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.limit.count(bytes.len()).map_err(refusal)?;
        self.decoded.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::budget::ByteBudget;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn no_charge() -> Charge {
        ByteBudget::default().empty_charge()
    }

    fn headers(coding: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(coding))])
    }

    /// Returns all decoded bytes, and the size of the largest decoded slice.
    fn decoded(coding: &'static str, frames: &[&[u8]], max: u64) -> Result<(Vec<u8>, usize), u16> {
        let status = |failure: Failure| failure.status().as_u16();
        let mut decoder =
            GitBodyDecoder::new(&headers(coding), max, no_charge()).map_err(status)?;
        let (mut all, mut largest) = (Vec::new(), 0);
        for frame in frames {
            for slice in decoder.slices(frame) {
                let decoded = decoder.decode(slice).map_err(status)?;
                largest = largest.max(decoded.len());
                all.extend_from_slice(decoded);
            }
        }
        all.extend_from_slice(&decoder.finish().map_err(status)?);
        Ok((all, largest))
    }

    #[test]
    fn bodies_are_decoded_up_to_their_limit() {
        let text = b"0032want ".repeat(1000);
        let whole = gzip(&text);
        let (head, tail) = whole.split_at(whole.len() / 2);
        let members = [gzip(b"0000"), gzip(b"PACK")].concat();
        for coding in ["gzip", "x-gzip", "GZIP"] {
            assert_eq!(decoded(coding, &[head, tail], 9000).unwrap().0, text);
            assert_eq!(decoded(coding, &[&whole], 8999), Err(413));
            assert_eq!(decoded(coding, &[&members], 8).unwrap().0, b"0000PACK");
        }
        assert_eq!(
            decoded("identity", &[&text, b"", b"x"], 9001)
                .unwrap()
                .0
                .len(),
            9001
        );
        assert_eq!(decoded("", &[&text, b"x"], 9000), Err(413));
    }

    #[test]
    fn invalid_or_cut_gzip_is_400_and_other_codings_are_415() {
        let whole = gzip(b"0000");
        assert_eq!(decoded("gzip", &[b"0000"], 99), Err(400));
        assert_eq!(decoded("gzip", &[&whole[..whole.len() - 1]], 99), Err(400));
        assert_eq!(decoded("gzip", &[], 99), Err(400));
        for coding in ["zstd", "br", "gzip, gzip"] {
            assert_eq!(decoded(coding, &[], 99), Err(415), "{coding}");
        }
    }

    #[test]
    fn gzip_bomb_takes_little_memory() {
        let bomb = gzip(&vec![0; 64 << 20]);
        let (all, largest) = decoded("gzip", &[&bomb], 64 << 20).unwrap();
        assert_eq!(all.len(), 64 << 20);
        assert!(largest < 8 << 20, "{largest}");
        assert_eq!(decoded("gzip", &[&bomb], 1 << 20), Err(413));
    }

    #[test]
    fn too_large_content_length_is_rejected_before_the_body_is_read() {
        let length = HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from_static("10"))]);
        assert!(GitBodyDecoder::new(&length, 10, no_charge()).is_ok());
        let rejected = GitBodyDecoder::new(&length, 9, no_charge()).err().unwrap();
        assert_eq!(rejected.status().as_u16(), 413);
    }
}
