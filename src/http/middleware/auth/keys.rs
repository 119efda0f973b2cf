//! The API keys of a server: for each key, the methods that it allows, and the author that it requires.

use std::borrow::Cow;
use std::fmt;

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::allowed_methods::{AllowedMethods, UNKNOWN};
use crate::names::Author;

/// The maximum length of an API key, in bytes. Every comparison of two keys compares this many bytes.
const KEY_BYTES_MAX: usize = 256;

/// The API keys that a server accepts; at least one.
///
/// Keys are never printed: `Debug` prints only their number, and an error states only the position of the faulty key.
pub struct Keys {
    grants: Vec<Grant>,
    /// A warning for each key that allows an unknown HTTP method. It states the position of the key.
    warnings: Vec<KeyError>,
}

/// The reason why API keys were rejected, or a warning about one of them. It quotes nothing of the input, because any part of the input may
/// be a misplaced key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The input contains no key. This is an error because a server with an empty list of keys would accept every request, or none.
    #[error("the list of keys is empty")]
    Missing,
    /// An entry of `KEY:METHODS;KEY:METHODS` is malformed.
    #[error("entry {number} of the keys {fault}")]
    Entry {
        /// The position of the entry, counted from 1.
        number: usize,
        /// What is wrong, as the predicate of a sentence whose subject is the entry.
        fault: &'static str,
    },
    /// A line of a key file is malformed.
    #[error("line {number} of the keys {fault}")]
    Line {
        /// The line number, counted from 1.
        number: usize,
        /// What is wrong, as the predicate of a sentence whose subject is the line.
        fault: &'static str,
    },
    /// The same key is in both of the sets that [`Keys::and`] combines.
    #[error("the same key is given by both --auth and --auth-file: remove it from one")]
    Shared,
}

impl Keys {
    /// Parses API keys in the form `KEY:METHODS;KEY:METHODS`, with an optional semicolon at the end. METHODS is `*`, or upper-case methods
    /// separated by commas.
    ///
    /// # Errors
    /// [`KeyError::Missing`] and [`KeyError::Entry`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let trimmed = text.trim();
        let entries = trimmed.strip_suffix(';').unwrap_or(trimmed);
        if entries.is_empty() {
            return Err(KeyError::Missing);
        }
        let mut keys = Self::new();
        for (entry, number) in entries.split(';').zip(1..) {
            let at = |fault| KeyError::Entry { number, fault };
            let grant = split(entry.trim()).and_then(|(key, methods)| Grant::parse(key, methods));
            keys.add_at(grant.map_err(at)?, at)?;
        }
        Ok(keys)
    }

    /// Parses the text of a key file, each of whose lines is `KEY:METHODS` or `KEY:METHODS:Name <mail>`. The third field is the author that
    /// all commits with this key must have. Blank lines and lines that start with `#` are skipped.
    ///
    /// # Errors
    /// [`KeyError::Missing`] and [`KeyError::Line`].
    pub fn parse_file(text: &str) -> Result<Self, KeyError> {
        let mut keys = Self::new();
        for (line, number) in text.lines().map(str::trim).zip(1..) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let at = |fault| KeyError::Line { number, fault };
            keys.add_at(Grant::parse_line(line).map_err(at)?, at)?;
        }
        if keys.grants.is_empty() {
            Err(KeyError::Missing)
        } else {
            Ok(keys)
        }
    }

    /// Combines two sets of keys.
    ///
    /// # Errors
    /// [`KeyError::Shared`] if both sets contain the same key, because they may allow different methods for it.
    pub fn and(mut self, others: Self) -> Result<Self, KeyError> {
        for grant in others.grants {
            self.add(grant).map_err(|_| KeyError::Shared)?;
        }
        self.warnings.extend(others.warnings);
        Ok(self)
    }

    /// Returns the number of keys.
    #[expect(
        clippy::len_without_is_empty,
        reason = "there is always at least one key"
    )]
    pub fn len(&self) -> usize {
        self.grants.len()
    }

    /// Returns a warning for each key with an unknown method. An unknown method in the list of a key has no effect.
    pub fn warnings(&self) -> &[KeyError] {
        &self.warnings
    }

    /// Returns the grant of an API key; `None` if the key is unknown.
    ///
    /// The key `presented` is compared with all keys, each time over [`KEY_BYTES_MAX`] bytes. So the response time depends only on the
    /// number of keys, and on the length of `presented`, which the client knows anyway. It reveals neither how similar `presented` is to a
    /// valid key, nor how long the valid key is.
    pub(super) fn find(&self, presented: &[u8]) -> Option<&Grant> {
        let presented = Key::new(presented)?;
        let mut found = u64::MAX;
        for (grant, index) in self.grants.iter().zip(0..) {
            found.conditional_assign(&index, grant.key.ct_eq(&presented));
        }
        self.grants.get(usize::try_from(found).ok()?)
    }

    /// Returns the grant of the first key for which `is_key` returns true. `is_key` is called for every key, so that the response time does
    /// not reveal for which key it returns true.
    pub(super) fn find_where(&self, is_key: impl Fn(&[u8]) -> bool) -> Option<&Grant> {
        let grants = self.grants.iter().rev();
        grants.fold(None, |found, grant| {
            if is_key(grant.key.as_bytes()) {
                Some(grant)
            } else {
                found
            }
        })
    }

    fn new() -> Self {
        Self {
            grants: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn add(&mut self, mut grant: Grant) -> Result<(), &'static str> {
        let mut own = self.grants.iter();
        if own.any(|own| own.key.ct_eq(&grant.key).into()) {
            return Err("has the same key as an earlier one");
        }
        grant.number = self.grants.len() + 1;
        self.grants.push(grant);
        Ok(())
    }

    /// Adds a key, and a warning if one of its methods is unknown. `at` converts a text that says what is wrong with the key to an error
    /// that also has the key's position.
    fn add_at(
        &mut self,
        grant: Grant,
        at: impl Fn(&'static str) -> KeyError,
    ) -> Result<(), KeyError> {
        if grant.methods.has_unknown() {
            self.warnings.push(at(UNKNOWN));
        }
        self.add(grant).map_err(at)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("count", &self.grants.len())
            .finish_non_exhaustive()
    }
}

/// The rights that one API key grants.
pub(super) struct Grant {
    key: Key,
    /// The position of the key among all keys, counted from 1.
    number: usize,
    /// The methods that the key allows.
    pub methods: AllowedMethods,
    /// The author that all commits with this key must have; `None` if the key allows any author.
    pub author: Option<Author>,
}

impl Grant {
    fn parse(key: &str, methods: &str) -> Result<Self, &'static str> {
        let is_visible = |end: Option<&u8>| end.is_some_and(u8::is_ascii_graphic);
        let bytes = key.as_bytes();
        if bytes.is_empty() {
            Err("has an empty key")
        } else if !key.chars().all(|c| c == ' ' || c.is_ascii_graphic())
            || !is_visible(bytes.first())
            || !is_visible(bytes.last())
        {
            Err("has a key with a character that cannot be sent in a header")
        } else {
            Ok(Self {
                key: Key::new(bytes).ok_or("has a key of more than 256 bytes")?,
                number: 0,
                methods: AllowedMethods::parse(methods)?,
                author: None,
            })
        }
    }

    /// Returns a name of the key for the log: the author that the key requires, or its position. The name reveals nothing of the key
    /// itself.
    pub fn name(&self) -> Cow<'_, str> {
        match &self.author {
            Some(author) => author.name().into(),
            None => format!("#{}", self.number).into(),
        }
    }

    /// Returns the key.
    pub fn key(&self) -> &[u8] {
        self.key.as_bytes()
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

/// An API key, padded with NUL bytes to [`KEY_BYTES_MAX`], the length at which keys are compared.
struct Key {
    bytes: [u8; KEY_BYTES_MAX],
    /// The length of the key without the padding, in bytes. It distinguishes the key from the same key with trailing NULs, which the
    /// password of HTTP Basic can contain.
    bytes_used: u64,
}

impl Key {
    /// Wraps a key. Returns `None` if the key is too long.
    fn new(key: &[u8]) -> Option<Self> {
        let mut bytes = [0; KEY_BYTES_MAX];
        bytes.get_mut(..key.len())?.copy_from_slice(key);
        let bytes_used = u64::try_from(key.len()).ok()?;
        Some(Self { bytes, bytes_used })
    }

    fn as_bytes(&self) -> &[u8] {
        let length = usize::try_from(self.bytes_used).unwrap_or(KEY_BYTES_MAX);
        &self.bytes[..length]
    }
}

impl ConstantTimeEq for Key {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.bytes.ct_eq(&other.bytes) & self.bytes_used.ct_eq(&other.bytes_used)
    }
}

#[cfg(test)]
mod tests;
