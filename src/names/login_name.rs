//! Names of logins. A login is the URL of a server and an API key for it, which the command line has saved.

use std::fmt;
use std::str::FromStr;

use super::error::{Error, quoted};
use super::short_name;

/// The short name that a user gives to a server: letters, digits, `.`, `_` and `-`, starting with a letter or digit. Where a command
/// expects the location of a store, the user writes `@` and the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginName(String);

impl LoginName {
    /// Parses a name, with or without the `@`.
    ///
    /// # Errors
    /// [`Error::Login`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let name = text.strip_prefix('@').unwrap_or(text);
        match short_name::fault(name) {
            None => Ok(Self(name.to_owned())),
            Some(fault) => Err(Error::Login {
                name: quoted(name),
                fault,
            }),
        }
    }

    /// Returns the name, without the `@`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LoginName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for LoginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_without_separators() {
        for (text, name) in [("prod", "prod"), ("@prod", "prod"), ("a.b_c-1", "a.b_c-1")] {
            let parsed = LoginName::parse(text).unwrap();
            assert_eq!(parsed.as_str(), name);
            assert_eq!(parsed.to_string(), format!("@{name}"));
        }
        for text in [
            "",
            "@",
            "@@a",
            "a/b",
            "-a",
            "a b",
            "a:1",
            "ä",
            &"a".repeat(65),
        ] {
            assert!(LoginName::parse(text).is_err(), "{text}");
        }
    }
}
