//! Path segments: the legal names of files and directories in the repository.

use super::display::is_bidi_control;
use super::dotgit;
use super::error::{Error, quoted};

/// The maximum length of a segment, in bytes: the limit of file systems for a file name.
const SEGMENT_BYTES_MAX: usize = 255;

/// Returns whether `segment` is a legal name of a file or directory. A repository that other programs wrote to may contain illegal
/// names.
pub fn is_legal_segment(segment: &str) -> bool {
    fault(segment).is_none()
}

/// Rejects a legal segment with control characters that can forge output on a terminal. A change must not add such a name; existing entries
/// keep it.
///
/// # Errors
/// [`Error::PathSegment`].
pub fn check_new_segment(segment: &str) -> Result<(), Error> {
    if segment.contains(is_bidi_control) {
        return Err(Error::PathSegment {
            segment: quoted(segment),
            fault: "contains a bidirectional control character",
        });
    }
    Ok(())
}

/// Rejects an illegal segment.
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
        Some("is not a file name")
    } else if segment.contains('/') {
        Some("contains a slash")
    } else if segment.contains('\\') {
        Some("contains a backslash")
    } else if segment.contains(char::is_control) {
        Some("contains a control character")
    } else if dotgit::is_reserved(segment) {
        Some("is reserved by git")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_rejected(segment: &str, fault: &'static str) {
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
    fn every_rule_has_its_own_error() {
        assert_rejected("", "is empty");
        assert_rejected(".", "is not a file name");
        assert_rejected("..", "is not a file name");
        assert_rejected("a/b", "contains a slash");
        assert_rejected("a\\b", "contains a backslash");
        assert_rejected(".GIT", "is reserved by git");
    }

    #[test]
    fn every_control_character_is_rejected() {
        let c0_and_del = ('\0'..' ').chain(['\u{7f}']);
        for c in c0_and_del.chain('\u{80}'..='\u{9f}') {
            assert_rejected(&format!("a{c}b"), "contains a control character");
        }
    }

    #[test]
    fn bidi_controls_are_legal_but_not_in_new_segments() {
        for c in "\u{61c}\u{200e}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}".chars() {
            let segment = format!("a{c}b");
            assert!(is_legal_segment(&segment), "{segment:?}");
            let error = check_new_segment(&segment).unwrap_err().to_string();
            let escaped = c.escape_unicode();
            let wanted =
                format!("path segment \"a{escaped}b\" contains a bidirectional control character");
            assert_eq!(error, wanted);
        }
        for segment in ["a", "\u{200b}", "עברית", "日本"] {
            assert_eq!(check_new_segment(segment), Ok(()));
        }
    }

    #[test]
    fn a_segment_over_255_bytes_is_rejected() {
        assert!(is_legal_segment(&"a".repeat(255)));
        assert!(is_legal_segment(&format!("{}a", "ä".repeat(127))));
        assert_rejected(&"a".repeat(256), "is longer than 255 bytes");
        assert_rejected(&"ä".repeat(128), "is longer than 255 bytes");
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
