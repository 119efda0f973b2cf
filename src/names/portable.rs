//! Recognizes names that Windows or macOS does not accept, or treats as equal to another name.
//!
//! Follows Microsoft's page "Naming Files, Paths, and Namespaces" and git's `is_valid_win32_path` (`compat/mingw.c`) and `is_hfs_dotgit`
//! (`utf8.c`). This file does not check for control characters, backslashes and names over 255 units of any encoding, because they are
//! never legal in a store.

use std::collections::HashMap;

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;

use super::dotgit::is_ignored_by_hfs;
use super::error::{Error, quoted};

/// The names that Windows reserves for devices, in any letter case and with any extension. `COM` and `LPT` are not in this list, because
/// they are reserved only with a digit after them.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// The characters that make `COM` or `LPT` the name of a device: the digits, and the superscript digits of Latin-1.
const DEVICE_DIGITS: &str = "0123456789¹²³";

/// Rejects a legal segment that Windows does not accept as the name of a file or directory.
///
/// # Errors
/// [`Error::PathSegment`].
pub fn check_portable_segment(segment: &str) -> Result<(), Error> {
    let fault = if segment.contains(['<', '>', ':', '"', '|', '?', '*']) {
        "contains one of < > : \" | ? *, which Windows does not accept in names (wasmstore.portableNames)"
    } else if segment.ends_with(['.', ' ']) {
        "ends with a dot or a space, which Windows drops (wasmstore.portableNames)"
    } else if is_device(segment) {
        "is the name of a device on Windows (wasmstore.portableNames)"
    } else {
        return Ok(());
    };
    Err(Error::PathSegment {
        segment: quoted(segment),
        fault,
    })
}

fn is_device(segment: &str) -> bool {
    // Windows ignores the extension, and spaces before it.
    let stem = segment.split('.').next().unwrap_or_default();
    let stem = stem.trim_end_matches(' ').to_ascii_lowercase();
    let port = stem
        .strip_prefix("com")
        .or_else(|| stem.strip_prefix("lpt"));
    let is_port = port.is_some_and(|digit| {
        digit.chars().count() == 1 && digit.chars().all(|digit| DEVICE_DIGITS.contains(digit))
    });
    is_port || DEVICES.contains(&stem.as_str())
}

/// The names in one directory, grouped by whether Windows or macOS treats them as equal.
#[derive(Debug, Default)]
pub struct SimilarNames<'n>(HashMap<String, Vec<&'n str>>);

impl<'n> SimilarNames<'n> {
    /// Collects the names in a directory. Names are similar if Windows or macOS treats them as equal. A name that is not UTF-8 is never
    /// similar to another.
    pub fn new(names: impl IntoIterator<Item = &'n [u8]>) -> Self {
        let mut similar: HashMap<_, Vec<_>> = HashMap::new();
        for name in names {
            if let Ok(name) = str::from_utf8(name) {
                similar.entry(folded(name)).or_default().push(name);
            }
        }
        Self(similar)
    }

    /// Rejects a name if the directory has another name that differs from it only in letter case, in Unicode normalization, or in code
    /// points that HFS+ ignores.
    ///
    /// # Errors
    /// [`Error::SimilarSegment`].
    pub fn check(&self, name: &str) -> Result<(), Error> {
        let similar = self.0.get(&folded(name));
        let other = similar.and_then(|names| names.iter().find(|other| **other != name));
        match other {
            None => Ok(()),
            Some(other) => Err(Error::SimilarSegment {
                segment: quoted(name),
                existing: quoted(other),
            }),
        }
    }
}

/// Returns a text that is the same for all similar names. It follows canonical caseless matching (The Unicode Standard, D145), which treats
/// all names as equal that the file systems treat as equal, and some more.
fn folded(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    let visible = name.chars().filter(|c| !is_ignored_by_hfs(*c));
    visible.nfd().default_case_fold().nfd().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_windows_rejects_are_not_portable() {
        let characters = ["a<", ">", "a:b", "\"", "a|b", "?", "*.wasm"];
        let ends = ["a.", "a ", "...", " ", "CON."];
        let devices = [
            "CON",
            "con",
            "Prn",
            "aux.wasm",
            "NUL.tar.gz",
            "nul .x",
            "COM0",
            "com9",
            "LPT1.wasm",
            "COM¹",
            "lpt³.x",
            "CONIN$",
            "conout$.a",
        ];
        for segment in [&characters[..], &ends, &devices].concat() {
            let error = check_portable_segment(segment).unwrap_err();
            assert!(matches!(error, Error::PathSegment { .. }), "{segment:?}");
        }
        assert_eq!(
            check_portable_segment("aux.wasm").unwrap_err().to_string(),
            "path segment \"aux.wasm\" is the name of a device on Windows (wasmstore.portableNames)"
        );
    }

    #[test]
    fn other_names_are_portable() {
        for segment in [
            "a.wasm", ".a", " a", "a b", "con1", "COM", "COM10", "com⁴", "lpt", "xcon", "con-a",
            "console", "aux_", "ä", "日本", "a;b", "[a]", "a'", "%", "~1", "conin",
        ] {
            assert_eq!(check_portable_segment(segment), Ok(()), "{segment:?}");
        }
    }

    #[test]
    fn names_that_differ_by_case_or_normalization_only_are_similar() {
        for (one, other) in [
            ("a.wasm", "A.wasm"),
            ("Ä", "ä"),
            ("ä", "a\u{308}"),
            ("A\u{308}", "ä"),
            ("straße", "STRASSE"),
            ("ẞ", "ss"),
            ("ς", "Σ"),
            ("\u{212b}", "å"),
            ("한", "\u{1112}\u{1161}\u{11ab}"),
            ("\u{1f80}", "\u{1f88}"),
            ("a\u{200d}b", "AB"),
        ] {
            for (one, other) in [(one, other), (other, one)] {
                let names = SimilarNames::new([one.as_bytes(), other.as_bytes(), b"z", b"\xff"]);
                let error = names.check(one).unwrap_err().to_string();
                assert!(error.contains("differs from"), "{error}");
                assert_eq!(names.check("z"), Ok(()));
            }
        }
    }

    #[test]
    fn different_names_are_not_similar() {
        for (one, other) in [
            ("a", "b"),
            ("a", "ä"),
            ("ﬁ", "f1"),
            ("²", "2"),
            ("ı", "i"),
            ("a", "а"),
        ] {
            let names = SimilarNames::new([one.as_bytes(), other.as_bytes()]);
            assert_eq!(names.check(one), Ok(()), "{one} {other}");
        }
        let names = SimilarNames::new([b"a".as_slice(), b"a"]);
        assert_eq!(names.check("a"), Ok(()), "a name is not similar to itself");
    }
}
