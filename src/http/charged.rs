//! Response bytes that are charged to the memory budget until they are sent or dropped.

use std::io;

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::budget::{Charge, Exhausted};

/// Bytes and their charge on the memory budget.
struct ChargedBytes {
    bytes: Vec<u8>,
    #[expect(dead_code, reason = "held for its drop")]
    charge: Charge,
}

impl AsRef<[u8]> for ChargedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Returns `bytes` such that `charge` is released when the last clone or slice of the returned value is dropped.
pub(super) fn charged_bytes(bytes: Vec<u8>, charge: Charge) -> Bytes {
    Bytes::from_owner(ChargedBytes { bytes, charge })
}

/// Returns a response whose body is `bytes`. `charge` is the memory that the caller has taken from the memory budget. It is resized to the
/// length of the body, and released when the body is sent or dropped.
///
/// # Errors
/// [`Exhausted`] if the charge must grow and the memory for that is not free.
pub(super) fn charged_response(
    media_type: &'static str,
    bytes: Vec<u8>,
    mut charge: Charge,
) -> Result<Response, Exhausted> {
    charge.try_resize(bytes.len() as u64)?;
    let media_type = [(CONTENT_TYPE, HeaderValue::from_static(media_type))];
    Ok((media_type, Body::from(charged_bytes(bytes, charge))).into_response())
}

/// Returns a response whose body is a value as JSON. Resizes `charge` to the length of the JSON before it encodes the value, and releases
/// the charge when the body is sent or dropped.
///
/// # Errors
/// [`Exhausted`] if the charge must grow and the memory for that is not free.
pub(super) fn charged_json_response(
    value: &impl Serialize,
    mut charge: Charge,
) -> Result<Response, Exhausted> {
    charge.try_resize(json_bytes(value))?;
    let json = serde_json::to_vec(value).expect("BUG: plain data is JSON");
    charged_response("application/json", json, charge)
}

/// Returns the length of a value as JSON, in bytes.
pub(super) fn json_bytes(value: &impl Serialize) -> u64 {
    let mut length = ByteCount(0);
    serde_json::to_writer(&mut length, value).expect("BUG: plain data is JSON");
    length.0
}

/// A writer that counts the bytes written to it and discards them.
struct ByteCount(u64);

impl io::Write for ByteCount {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
