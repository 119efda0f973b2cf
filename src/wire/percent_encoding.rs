//! Percent-encoding of text in URLs and header values.

use std::fmt::Display;

use percent_encoding::{
    AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode,
};

/// All characters except the unreserved characters of RFC 3986, section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// The characters that are encoded in a path: slashes stay as they are.
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// The characters that are encoded in a header value: control characters and the percent sign. Other characters of ASCII stay as they are.
const RESERVED_IN_HEADER: &AsciiSet = &CONTROLS.add(b'%');

/// Encodes text for a header value. Leading and trailing spaces are encoded too, because HTTP strips them.
pub fn encode_header_value(text: &str) -> String {
    let inner = text.trim_matches(' ');
    let (before, after) = match text.split_once(inner) {
        Some((before, after)) if !inner.is_empty() => (before.len(), after.len()),
        _ => (text.len(), 0),
    };
    let inner = utf8_percent_encode(inner, RESERVED_IN_HEADER);
    format!("{}{inner}{}", "%20".repeat(before), "%20".repeat(after))
}

/// Encodes text for the value of a query parameter.
pub fn encode_query_value(text: &str) -> impl Display {
    utf8_percent_encode(text, RESERVED)
}

/// Decodes the value of a query parameter; `None` if it is not UTF-8.
pub fn decode_query_value(text: &str) -> Option<String> {
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

/// Encodes a path for a URL; slashes stay as they are.
pub fn encode_path(path: &str) -> impl Display {
    utf8_percent_encode(path, RESERVED_IN_PATH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_values_keep_control_characters_and_outer_spaces() {
        for (text, value) in [
            ("", ""),
            ("plain (text); 100 %", "plain (text); 100 %25"),
            ("a\nb\t\u{7f}", "a%0Ab%09%7F"),
            (" a  b  ", "%20a  b%20%20"),
            ("   ", "%20%20%20"),
            ("ä", "%C3%A4"),
        ] {
            assert_eq!(encode_header_value(text), value, "{text:?}");
        }
    }
}
