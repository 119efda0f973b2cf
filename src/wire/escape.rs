//! Text in URLs and in the values of headers, percent-encoded.

use std::fmt::Display;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The unreserved characters stand for themselves (RFC 3986, section 2.3),
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// and in a path the slash too.
const IN_PATHS: &AsciiSet = &RESERVED.remove(b'/');

/// A text for a parameter or the value of a header.
pub fn escaped(text: &str) -> impl Display {
    utf8_percent_encode(text, RESERVED)
}

/// A path for a URL, its slashes as they are.
pub fn escaped_path(path: &str) -> impl Display {
    utf8_percent_encode(path, IN_PATHS)
}
