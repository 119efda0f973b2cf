//! One segment of a path: what a file or folder in the repository may be called.

use super::dotgit;
use super::error::{Error, quoted};

/// The longest segment, in bytes: what file systems take as a file's name.
const SEGMENT_BYTES_MAX: usize = 255;

/// Whether a file or folder of a repository may be called so. Foreign repositories hold names that may not.
pub fn is_legal_segment(segment: &str) -> bool {
    fault(segment).is_none()
}

/// Refuses a segment that is not legal.
pub(super) fn check(segment: &str) -> Result<(), Error> {
    match fault(segment) {
        None => Ok(()),
        Some(fault) => Err(Error::PathSegment {
            segment: quoted(segment),
            fault,
        }),
    }
}

fn fault(segment: &str) -> Option<&'static str> {
    if segment.is_empty() {
        Some("is empty")
    } else if segment.len() > SEGMENT_BYTES_MAX {
        Some("is longer than 255 bytes")
    } else if segment == "." || segment == ".." {
        Some("is not a name")
    } else if segment.contains('/') {
        Some("holds a slash")
    } else if segment.contains('\\') {
        Some("holds a backslash")
    } else if segment.contains(char::is_control) {
        Some("holds a control character")
    } else if dotgit::is_reserved(segment) {
        Some("is a name that git keeps for itself")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_refused(segment: &str, fault: &'static str) {
        let segment_quoted = quoted(segment);
        assert_eq!(
            check(segment),
            Err(Error::PathSegment {
                segment: segment_quoted,
                fault
            })
        );
        assert!(!is_legal_segment(segment));
    }

    #[test]
    fn every_rule_refuses_with_its_own_reason() {
        assert_refused("", "is empty");
        assert_refused(".", "is not a name");
        assert_refused("..", "is not a name");
        assert_refused("a/b", "holds a slash");
        assert_refused("a\\b", "holds a backslash");
        assert_refused(".GIT", "is a name that git keeps for itself");
    }

    #[test]
    fn every_control_character_is_refused() {
        let c0_and_del = ('\0'..' ').chain(['\u{7f}']);
        for c in c0_and_del.chain('\u{80}'..='\u{9f}') {
            assert_refused(&format!("a{c}b"), "holds a control character");
        }
    }

    #[test]
    fn a_segment_has_at_most_255_bytes() {
        assert!(is_legal_segment(&"a".repeat(255)));
        assert!(is_legal_segment(&format!("{}a", "ä".repeat(127))));
        assert_refused(&"a".repeat(256), "is longer than 255 bytes");
        assert_refused(&"ä".repeat(128), "is longer than 255 bytes");
    }

    #[test]
    fn ordinary_and_odd_names_are_legal() {
        for segment in [
            "a.wasm", "...", ".a", "a.", " ", " a ", "~", "a:b", "-rf", "*", "\"", "\u{a0}",
            "日本", "\u{200b}", "CON", "sha256:x", "a?b#c%2F", "\u{fffd}",
        ] {
            assert!(is_legal_segment(segment), "{segment:?}");
        }
    }
}
