//! The keys of a server: who may use which methods, and in whose name.

use std::fmt;

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::methods::Methods;
use crate::names::Author;

/// The longest key, in bytes. Every comparison goes over that many.
const KEY_BYTES_MAX: usize = 256;

/// The keys that a server takes; at least one.
///
/// Nothing here prints a key: `Debug` tells how many there are, and errors tell where one stands.
pub struct Keys(Vec<Grant>);

/// Why keys were refused. It repeats nothing of what was given, since anything there may be a key in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is no key at all: such a server would be open to everyone, or to no one.
    #[error("no key is given")]
    Missing,
    /// An entry of `KEY:METHODS;KEY:METHODS` is not one.
    #[error("entry {number} of the keys {fault}")]
    Entry {
        /// Its place, counted from 1.
        number: usize,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A line of a file of keys is not an entry.
    #[error("line {number} of the keys {fault}")]
    Line {
        /// Its place, counted from 1; comments and blank lines count.
        number: usize,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// Two sets of keys that were to be one share a key.
    #[error("the same key is given in two places")]
    Shared,
}

impl Keys {
    /// Reads `KEY:METHODS;KEY:METHODS`, one trailing semicolon allowed. METHODS is `*`, or upper-case methods joined by commas.
    ///
    /// # Errors
    /// [`KeyError::Missing`] and [`KeyError::Entry`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let text = text.strip_suffix(';').unwrap_or(text);
        if text.is_empty() {
            return Err(KeyError::Missing);
        }
        let mut keys = Self(Vec::new());
        for (entry, number) in text.split(';').zip(1..) {
            let grant = split(entry.trim()).and_then(|(key, methods)| Grant::parse(key, methods));
            let added = grant.and_then(|grant| keys.add(grant));
            added.map_err(|fault| KeyError::Entry { number, fault })?;
        }
        Ok(keys)
    }

    /// Reads a file of keys: `KEY:METHODS` or `KEY:METHODS:Name <mail>` on each line; the third field is the author of all that
    /// the key changes. Blank lines and those that begin with `#` are skipped.
    ///
    /// # Errors
    /// [`KeyError::Missing`] and [`KeyError::Line`].
    pub fn parse_file(text: &str) -> Result<Self, KeyError> {
        let mut keys = Self(Vec::new());
        for (line, number) in text.lines().map(str::trim).zip(1..) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let added = Grant::parse_line(line).and_then(|grant| keys.add(grant));
            added.map_err(|fault| KeyError::Line { number, fault })?;
        }
        match keys.0.is_empty() {
            true => Err(KeyError::Missing),
            false => Ok(keys),
        }
    }

    /// These keys and the others.
    ///
    /// # Errors
    /// [`KeyError::Shared`] when a key is in both, for it might have other methods there.
    pub fn and(mut self, others: Self) -> Result<Self, KeyError> {
        for grant in others.0 {
            self.add(grant).map_err(|_| KeyError::Shared)?;
        }
        Ok(self)
    }

    /// How many there are.
    #[expect(clippy::len_without_is_empty, reason = "there is at least one")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// What a client with this key was granted.
    ///
    /// All keys are compared, each over the whole of [`KEY_BYTES_MAX`]: the time tells how many keys there are and how long the
    /// given one is, which its sender knows, but neither which one it resembles nor how long they are.
    pub(in crate::http) fn find(&self, given: &[u8]) -> Option<&Grant> {
        let given = Key::new(given)?;
        let mut found = u64::MAX;
        for (grant, place) in self.0.iter().zip(0..) {
            found.conditional_assign(&place, grant.key.ct_eq(&given));
        }
        self.0.get(usize::try_from(found).ok()?)
    }

    fn add(&mut self, grant: Grant) -> Result<(), &'static str> {
        if self.0.iter().any(|own| own.key.ct_eq(&grant.key).into()) {
            return Err("has a key that was given before");
        }
        self.0.push(grant);
        Ok(())
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("count", &self.0.len())
            .finish_non_exhaustive()
    }
}

/// What one key is good for.
pub(in crate::http) struct Grant {
    key: Key,
    /// What its holder may do.
    pub methods: Methods,
    /// Who its holder is, where that is fixed.
    pub author: Option<Author>,
}

impl Grant {
    fn parse(key: &str, methods: &str) -> Result<Self, &'static str> {
        let visible = |end: Option<&u8>| end.is_some_and(u8::is_ascii_graphic);
        let bytes = key.as_bytes();
        if bytes.is_empty() {
            Err("has an empty key")
        } else if !key.chars().all(|c| c == ' ' || c.is_ascii_graphic())
            || !visible(bytes.first())
            || !visible(bytes.last())
        {
            Err("has a key with a character that does not survive in a header")
        } else {
            Ok(Self {
                key: Key::new(bytes).ok_or("has a key of more than 256 bytes")?,
                methods: Methods::parse(methods)?,
                author: None,
            })
        }
    }

    fn parse_line(line: &str) -> Result<Self, &'static str> {
        let (key, rest) = split(line)?;
        match rest.split_once(':') {
            None => Self::parse(key, rest),
            Some((methods, author)) => Ok(Self {
                author: Some(Author::parse(author).map_err(|_| "has a malformed author")?),
                ..Self::parse(key, methods)?
            }),
        }
    }
}

fn split(entry: &str) -> Result<(&str, &str), &'static str> {
    entry.split_once(':').ok_or("is not KEY:METHODS")
}

/// A key, filled up to the one length that all have here.
struct Key {
    bytes: [u8; KEY_BYTES_MAX],
    /// Tells a key from the same one with NULs after it, which a Basic password can hold.
    bytes_used: u64,
}

impl Key {
    /// None when it is too long to be any.
    fn new(key: &[u8]) -> Option<Self> {
        let mut bytes = [0; KEY_BYTES_MAX];
        bytes.get_mut(..key.len())?.copy_from_slice(key);
        let bytes_used = u64::try_from(key.len()).ok()?;
        Some(Self { bytes, bytes_used })
    }
}

impl ConstantTimeEq for Key {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.bytes.ct_eq(&other.bytes) & self.bytes_used.ct_eq(&other.bytes_used)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Method;

    use super::*;

    const EMPTY: &str = "has an empty key";
    const FORM: &str = "is not KEY:METHODS";
    const METHODS: &str = "has methods that are neither `*` nor like `GET,POST`";
    const TWICE: &str = "has a key that was given before";
    const CHARACTER: &str = "has a key with a character that does not survive in a header";
    const AUTHOR: &str = "has a malformed author";

    fn may(keys: &Keys, key: &str, method: Method) -> Option<bool> {
        let grant = keys.find(key.as_bytes())?;
        Some(grant.methods.allow(&method))
    }

    fn fault(text: &str) -> KeyError {
        Keys::parse(text).map(|_| ()).unwrap_err()
    }

    fn fault_of_file(text: &str) -> KeyError {
        Keys::parse_file(text).map(|_| ()).unwrap_err()
    }

    #[test]
    fn each_key_has_its_methods() {
        let keys = Keys::parse("reader:GET;writer:POST,DELETE;root:*").unwrap();
        assert_eq!(may(&keys, "reader", Method::GET), Some(true));
        assert_eq!(may(&keys, "reader", Method::HEAD), Some(true));
        assert_eq!(may(&keys, "reader", Method::POST), Some(false));
        assert_eq!(may(&keys, "reader", Method::OPTIONS), Some(false));
        assert_eq!(may(&keys, "writer", Method::DELETE), Some(true));
        assert_eq!(may(&keys, "writer", Method::HEAD), Some(false));
        assert_eq!(may(&keys, "root", Method::PUT), Some(true));
        let own = Method::from_bytes(b"PROPFIND").unwrap();
        assert_eq!(may(&keys, "root", own.clone()), Some(true));
        let keys = Keys::parse("dav:PROPFIND").unwrap();
        assert_eq!(may(&keys, "dav", own), Some(true));
    }

    #[test]
    fn only_the_whole_key_is_the_key() {
        let longest = "k".repeat(256);
        let keys = Keys::parse(&format!("secret:*;{longest}:GET")).unwrap();
        let near = ["", "s", "secre", "secret ", "secret\0", "Secret", "secrets"];
        for given in near {
            assert!(keys.find(given.as_bytes()).is_none(), "{given:?}");
        }
        assert!(keys.find(&[0; 256]).is_none());
        assert!(keys.find(b"\xff\xfe").is_none());
        assert!(keys.find(&b"k".repeat(255)).is_none());
        assert!(keys.find(&b"k".repeat(257)).is_none());
        assert!(keys.find(&b"k".repeat(1 << 20)).is_none());
        assert_eq!(may(&keys, &longest, Method::PUT), Some(false));
        assert_eq!(may(&keys, "secret", Method::PUT), Some(true));
    }

    #[test]
    fn one_trailing_semicolon_and_outer_white_space_are_dropped() {
        for text in ["a:GET;b:*", "a:GET;b:*;", " a:GET; b:* ;\n"] {
            let keys = Keys::parse(text).unwrap();
            assert_eq!(may(&keys, "a", Method::GET), Some(true), "{text:?}");
            assert_eq!(may(&keys, "b", Method::PUT), Some(true), "{text:?}");
            assert_eq!(format!("{keys:?}"), "Keys { count: 2, .. }");
        }
    }

    #[test]
    fn malformed_keys_are_refused_by_the_number_of_their_entry() {
        for empty in ["", " ", ";", "\n"] {
            assert_eq!(fault(empty), KeyError::Missing, "{empty:?}");
        }
        let long = format!("{}:*", "k".repeat(257));
        for (text, number, fault_expected) in [
            ("secret", 1, FORM),
            ("a:*;;", 2, FORM),
            (";a:*", 1, FORM),
            (";;", 1, FORM),
            ("a:*;secret", 2, FORM),
            (":GET", 1, EMPTY),
            (":", 1, EMPTY),
            ("a:", 1, METHODS),
            ("a:get", 1, METHODS),
            ("a:GET,", 1, METHODS),
            ("a:,GET", 1, METHODS),
            ("a:GET, POST", 1, METHODS),
            ("a:GET,GET", 1, METHODS),
            ("a:GET,*", 1, METHODS),
            ("a:**", 1, METHODS),
            ("a:GET POST", 1, METHODS),
            ("a:GÉT", 1, METHODS),
            ("a:GET:Ann <ann@example.org>", 1, METHODS),
            ("a:*;b:GET;a:POST", 3, TWICE),
            ("a :GET", 1, CHARACTER),
            ("ä:GET", 1, CHARACTER),
            ("a\tb:GET", 1, CHARACTER),
            (&long, 1, "has a key of more than 256 bytes"),
        ] {
            let fault_expected = KeyError::Entry {
                number,
                fault: fault_expected,
            };
            assert_eq!(fault(text), fault_expected, "{text:?}");
        }
    }

    #[test]
    fn a_file_has_a_key_a_line_and_may_fix_the_author() {
        let keys = Keys::parse_file(
            "# readers\r\n\r\na;b c:GET\r\n  # writers\n\tx:*: Ann: Smith <ann@example.org> \n",
        )
        .unwrap();
        let reader = keys.find(b"a;b c").unwrap();
        assert_eq!(reader.methods, Methods::Only(vec![Method::GET]));
        assert_eq!(reader.author, None);
        let writer = keys.find(b"x").unwrap();
        assert_eq!(writer.methods, Methods::All);
        let author = "Ann: Smith <ann@example.org>".parse().unwrap();
        assert_eq!(writer.author, Some(author));
        assert!(keys.find(b"# readers").is_none());
    }

    #[test]
    fn malformed_lines_are_refused_by_their_number() {
        for empty in ["", "\n\n", "# a:*\n"] {
            assert_eq!(fault_of_file(empty), KeyError::Missing, "{empty:?}");
        }
        for (text, number, fault) in [
            ("# x\n\nsecret\n", 3, FORM),
            ("a:*\nb:* # b\n", 2, METHODS),
            ("a:*;b:*\n", 1, METHODS),
            ("a:*:\n", 1, AUTHOR),
            ("a:*:Ann <ann\n", 1, AUTHOR),
            ("a:get:Ann\n", 1, METHODS),
            (":*:Ann\n", 1, EMPTY),
            ("a:*\nb:*\na:GET:Ann\n", 3, TWICE),
            ("\u{feff}a:*\n", 1, CHARACTER),
        ] {
            let expected = KeyError::Line { number, fault };
            assert_eq!(fault_of_file(text), expected, "{text:?}");
        }
    }

    #[test]
    fn two_sets_are_joined_if_they_share_no_key() {
        let given = || Keys::parse("a:GET").unwrap();
        let both = given().and(Keys::parse_file("b:*:Ann").unwrap()).unwrap();
        assert_eq!(may(&both, "a", Method::GET), Some(true));
        assert_eq!(may(&both, "b", Method::PUT), Some(true));
        let shared = given().and(Keys::parse_file("b:*\na:GET").unwrap());
        assert_eq!(shared.unwrap_err(), KeyError::Shared);
    }

    #[test]
    fn no_error_and_no_debug_output_holds_a_key() {
        let wrong = [
            "hunter2",
            "hunter2:hunter2",
            "GET:hunter2",
            "hunter2:*;hunter2:*",
            "a:*;hunter2 :GET",
            "a:GET:hunter2",
            "hunter2\u{e9}:*",
            "a:*:<hunter2",
            "a:*\nhunter2\n",
        ];
        for text in wrong {
            let errors = [Keys::parse(text).err(), Keys::parse_file(text).err()];
            assert!(errors.iter().any(Option::is_some), "{text:?}");
            for error in errors.into_iter().flatten() {
                let told = format!("{error} {error:?}");
                assert!(!told.contains("hunter2") && !told.contains('\n'), "{told}");
            }
        }
        let keys = Keys::parse("hunter2:*").unwrap();
        assert_eq!(format!("{keys:?}"), "Keys { count: 1, .. }");
    }
}
