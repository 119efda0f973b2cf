//! Text in URLs and in the values of headers, percent-encoded.

use std::fmt::Display;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

/// The unreserved characters stand for themselves (RFC 3986, section 2.3),
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// and in a path the slash too.
const IN_PATHS: &AsciiSet = &RESERVED.remove(b'/');

/// In the value of a header what is printable does.
const IN_VALUES: &AsciiSet = &CONTROLS.add(b'%');

/// A text for the value of a header. Spaces at its ends would be lost.
pub fn escaped_value(text: &str) -> String {
    let inner = text.trim_matches(' ');
    let (before, after) = match text.split_once(inner) {
        Some((before, after)) if !inner.is_empty() => (before.len(), after.len()),
        _ => (text.len(), 0),
    };
    let inner = utf8_percent_encode(inner, IN_VALUES);
    format!("{}{inner}{}", "%20".repeat(before), "%20".repeat(after))
}

/// A text for a parameter.
pub fn escaped(text: &str) -> impl Display {
    utf8_percent_encode(text, RESERVED)
}

/// A path for a URL, its slashes as they are.
pub fn escaped_path(path: &str) -> impl Display {
    utf8_percent_encode(path, IN_PATHS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_a_header_keeps_all_of_a_text() {
        for (text, value) in [
            ("", ""),
            ("plain (text); 100 %", "plain (text); 100 %25"),
            ("a\nb\t\u{7f}", "a%0Ab%09%7F"),
            (" a  b  ", "%20a  b%20%20"),
            ("   ", "%20%20%20"),
            ("ä", "%C3%A4"),
        ] {
            assert_eq!(escaped_value(text), value, "{text:?}");
        }
    }
}
