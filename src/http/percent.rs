//! Percent escapes, read strictly and once.

use axum::http::HeaderValue;
use percent_encoding::percent_decode_str;

use crate::http::error::{Failure, Result};

/// Decodes percent escapes; all else stays, a plus sign too.
///
/// # Errors
/// 400 when a `%` is not followed by two hex digits, or when the result is not UTF-8.
pub(super) fn decode(raw: &str) -> Result<String> {
    let mut pieces = raw.split('%');
    // Before the first sign.
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

/// Decodes the percent escapes in a header's value, which may hold UTF-8 as it is, too.
///
/// # Errors
/// 400, as above.
pub(super) fn decode_header(value: &HeaderValue) -> Result<String> {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(raw) => decode(raw),
        Err(_) => Err(Failure::malformed("a header is not UTF-8")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ESCAPE: &str = "a `%` is not followed by two hex digits";
    const UTF8: &str = "the percent escapes are not UTF-8";

    #[test]
    fn escapes_are_decoded_once() {
        for (raw, text) in [
            ("", ""),
            ("plain", "plain"),
            ("feat%2Fx", "feat/x"),
            ("feat%2fx", "feat/x"),
            ("%25", "%"),
            ("%2525%252F", "%25%2F"),
            ("%C3%A4", "ä"),
            ("ä%C3%A4", "ää"),
            ("a+b", "a+b"),
            ("%00%0A", "\0\n"),
            ("%f0%9f%a6%80", "🦀"),
        ] {
            assert_eq!(decode(raw).as_deref(), Ok(text), "{raw:?}");
        }
        assert_eq!(decode(&"%41".repeat(20_000)), Ok("A".repeat(20_000)));
    }

    #[test]
    fn malformed_escapes_are_refused() {
        for raw in [
            "%",
            "a%",
            "%4",
            "%z1",
            "%1z",
            "%%",
            "%%41",
            "%+1",
            "% 1",
            "%ä",
            "%4%41",
            "%e\u{301}",
        ] {
            assert_eq!(decode(raw), Err(Failure::malformed(ESCAPE)), "{raw:?}");
        }
    }

    #[test]
    fn what_is_not_utf8_is_refused() {
        for raw in ["%ff", "%C3", "%C3x", "%80", "%ED%A0%80", "%C0%AF", "ä%A4"] {
            assert_eq!(decode(raw), Err(Failure::malformed(UTF8)), "{raw:?}");
        }
    }

    #[test]
    fn headers_may_hold_utf8_as_it_is() {
        let value = |bytes: &[u8]| HeaderValue::from_bytes(bytes).unwrap();
        assert_eq!(decode_header(&value(b"feat%2Fx")).as_deref(), Ok("feat/x"));
        let umlauts = value("J\u{f6}rg %C3%84".as_bytes());
        assert_eq!(decode_header(&umlauts).as_deref(), Ok("Jörg Ä"));
        assert_eq!(decode_header(&value(b"")).as_deref(), Ok(""));
        let refused = Err(Failure::malformed("a header is not UTF-8"));
        assert_eq!(decode_header(&value(b"\xf6")), refused);
        assert_eq!(decode_header(&value(b"\xc3%A4")), refused);
        let refused = Err(Failure::malformed(ESCAPE));
        assert_eq!(decode_header(&value(b"100%")), refused);
    }
}
