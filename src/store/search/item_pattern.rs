//! Patterns for items of modules: a name and optionally a version.

use super::pattern::NamePattern;
use super::query::{QUERY_BYTES_MAX, QueryError};
use super::version_bound::VersionBound;

/// A pattern for items: a name, which may contain `*`, and optionally a bound on the version, as in `wasi:http@0.2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemPattern {
    text: String,
    pub(super) name: NamePattern,
    pub(super) bound: VersionBound,
}

/// Displays the pattern as the user wrote it.
impl std::fmt::Display for ItemPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl ItemPattern {
    /// Parses a pattern. The syntax is the same as after `import:` in a search query.
    ///
    /// # Errors
    /// The name is missing, the version is malformed, or the pattern is longer than 4,096 bytes.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        if text.len() > QUERY_BYTES_MAX {
            return Err(QueryError::too_long(text));
        }
        Self::parse_value(text).map_err(|(offset, fault)| QueryError {
            query: text.to_owned(),
            offset,
            fault,
        })
    }

    /// Parses the text after the colon of a term. An error has the byte offset of the fault, and a description of the fault.
    pub(super) fn parse_value(text: &str) -> Result<Self, (usize, String)> {
        let (name, bound) = match text.rfind(['@', '<', '>', '=']) {
            // `<=` and `>=` have two characters, and `at` is the second.
            Some(at) if text[..at].ends_with(['<', '>']) => text.split_at(at - 1),
            Some(at) => text.split_at(at),
            None => (text, ""),
        };
        if name.is_empty() {
            return Err((0, "a name is missing".to_owned()));
        }
        let at = text.len() - bound.len();
        let bound = VersionBound::parse(bound).map_err(|fault| (at, fault))?;
        Ok(Self {
            text: text.to_owned(),
            name: NamePattern::new(name.to_owned()),
            bound,
        })
    }

    /// Returns the pattern in lower case, to compare it with names that are stored in lower case.
    pub(super) fn into_lowercase(mut self) -> Self {
        self.name = self.name.into_lowercase();
        self
    }

    /// Returns whether an item matches the pattern. `version` is empty if the item has none.
    pub(in crate::store) fn matches(&self, name: &str, version: &str) -> bool {
        self.name.matches(name) && self.bound.accepts(version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_a_name_and_perhaps_a_version() {
        for (pattern, name, version, matches) in [
            ("env", "env.memory", "", true),
            ("env.*", "env", "", false),
            ("wasi:http@0.2", "wasi:http/types", "0.2.7", true),
            ("wasi:http@0.2", "wasi:http/types", "0.3.0", false),
            ("wasi:http@0.2", "wasi:http/types", "", false),
            ("a>=1.2", "a", "1.2.0", true),
            ("a<1.2", "a", "1.2.0", false),
        ] {
            let parsed = ItemPattern::parse(pattern).unwrap();
            assert_eq!(parsed.matches(name, version), matches, "{pattern} {name}");
            assert_eq!(parsed.to_string(), pattern);
        }
        for (text, offset) in [("", 0), ("@1", 0), ("a@", 1), ("a@y", 1), ("a<=z", 1)] {
            let error = ItemPattern::parse(text).unwrap_err();
            assert_eq!((error.offset, &*error.query), (offset, text), "{text}");
        }
        let long = ItemPattern::parse(&"x".repeat(5000)).unwrap_err();
        assert!(long.fault.contains("5000 bytes"), "{long}");
    }
}
