//! Byte ranges of modules (RFC 9110, section 14).

use std::ops::Range;

use axum::http::header::{CONTENT_RANGE, IF_RANGE, RANGE};
use axum::http::{HeaderMap, StatusCode};

use crate::http::error::{Failure, Result};

/// Parses `Range` for a module of `size_bytes` with the entity tag `etag`. Returns `None` if the whole module must be sent: if there is no
/// `Range`; if it has several ranges or an unknown unit, which a server may ignore; or if `If-Range` has another entity tag.
///
/// # Errors
/// 400 if the header is malformed, 416 if the range is outside of the module.
pub(in crate::http) fn parse_range(
    headers: &HeaderMap,
    size_bytes: u64,
    etag: &str,
) -> Result<Option<Range<u64>>> {
    let Some(value) = headers.get(RANGE) else {
        return Ok(None);
    };
    if headers
        .get(IF_RANGE)
        .is_some_and(|version| version.as_bytes() != etag.as_bytes())
    {
        return Ok(None);
    }
    let malformed = || Failure::malformed("Range is malformed");
    let text = value.to_str().map_err(|_| malformed())?;
    let (unit, ranges) = text.split_once('=').ok_or_else(malformed)?;
    if !unit.trim().eq_ignore_ascii_case("bytes") || ranges.contains(',') {
        return Ok(None);
    }
    let (first, last) = ranges.trim().split_once('-').ok_or_else(malformed)?;
    let range = match (position(first)?, position(last)?) {
        (None, None) => return Err(malformed()),
        (None, Some(suffix)) => size_bytes.saturating_sub(suffix)..size_bytes,
        (Some(first), None) => first..size_bytes,
        (Some(first), Some(last)) if first > last => return Err(malformed()),
        (Some(first), Some(last)) => first..size_bytes.min(last.saturating_add(1)),
    };
    if range.is_empty() {
        Err(not_satisfiable(size_bytes))
    } else {
        Ok(Some(range))
    }
}

/// Creates a 416 response that states the size of the module (RFC 9110, section 15.5.17).
fn not_satisfiable(size_bytes: u64) -> Failure {
    let detail = format!("the module has {size_bytes} bytes");
    Failure::new(StatusCode::RANGE_NOT_SATISFIABLE, detail)
        .with_header(CONTENT_RANGE, format!("bytes */{size_bytes}"))
}

/// Parses a position in a range; `None` if it is missing. A position that does not fit into a `u64` is treated as a position after the end
/// of the module.
fn position(digits: &str) -> Result<Option<u64>> {
    match digits {
        "" => Ok(None),
        digits if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
            Ok(Some(digits.parse().unwrap_or(u64::MAX)))
        }
        _ => Err(Failure::malformed("Range is malformed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_for_ten_bytes(range: &str) -> Result<Option<Range<u64>>, u16> {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, range.parse().unwrap());
        parse_range(&headers, 10, "\"a\"").map_err(|failure| failure.status().as_u16())
    }

    #[test]
    fn ranges_are_parsed() {
        for (range, expected) in [
            ("bytes=0-0", Ok(Some(0..1))),
            ("bytes=2-5", Ok(Some(2..6))),
            ("Bytes=7-", Ok(Some(7..10))),
            ("bytes=-3", Ok(Some(7..10))),
            ("bytes=-30", Ok(Some(0..10))),
            ("bytes=9-99999999999999999999999", Ok(Some(9..10))),
            ("bytes=10-", Err(416)),
            ("bytes=-0", Err(416)),
            ("bytes=99999999999999999999999-", Err(416)),
            ("bytes=5-2", Err(400)),
            ("bytes=-", Err(400)),
            ("bytes=a-b", Err(400)),
            ("bytes=0x1-2", Err(400)),
            ("bytes=+1-2", Err(400)),
            ("bytes 0-1", Err(400)),
            ("bytes=1", Err(400)),
            ("", Err(400)),
            ("bytes=0-1,3-4", Ok(None)),
            ("lines=0-1", Ok(None)),
        ] {
            assert_eq!(parse_for_ten_bytes(range), expected, "{range}");
        }
    }

    #[test]
    fn a_range_of_another_version_is_ignored() {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, "bytes=0-1".parse().unwrap());
        for (version, expected) in [("\"a\"", Some(0..2)), ("\"b\"", None), ("W/\"a\"", None)] {
            headers.insert(IF_RANGE, version.parse().unwrap());
            assert_eq!(
                parse_range(&headers, 10, "\"a\"").unwrap(),
                expected,
                "{version}"
            );
        }
    }
}
