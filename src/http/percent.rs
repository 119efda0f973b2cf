//! Percent-decoding of URLs and headers.

use axum::http::HeaderValue;
use percent_encoding::percent_decode_str;

use crate::http::error::{Failure, Result};

/// Decodes percent escapes once. Nothing else is decoded: a plus sign stays a plus sign.
///
/// # Errors
/// 400 if a `%` is not followed by two hex digits, or if the result is not UTF-8.
pub(super) fn decode(raw: &str) -> Result<String> {
    let mut pieces = raw.split('%');
    // The first piece does not follow a `%`.
    pieces.next();
    for piece in pieces {
        let digits = piece.as_bytes().get(..2);
        if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            return Err(Failure::malformed(
                "a `%` is not followed by two hex digits",
            ));
        }
    }
    match percent_decode_str(raw).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err(Failure::malformed("the percent escapes are not UTF-8")),
    }
}

/// Decodes the percent escapes in a header's value, which may also contain unescaped UTF-8.
///
/// # Errors
/// As for [`decode`]; 400 if the value is not UTF-8.
pub(super) fn decode_header(value: &HeaderValue) -> Result<String> {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(raw) => decode(raw),
        Err(_) => Err(Failure::malformed("a header is not UTF-8")),
    }
}

#[cfg(test)]
mod tests;
