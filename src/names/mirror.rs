//! Names of mirrors.

use std::fmt;
use std::str::FromStr;

use super::error::{Error, quoted};

/// The maximum length of a name, in bytes.
const BYTES_MAX: usize = 64;

/// The name of a mirror: letters, digits, `.`, `_` and `-`, starting with a letter or digit. It is also the name of a git remote and part
/// of file names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MirrorName(String);

impl MirrorName {
    /// Parses a name.
    ///
    /// # Errors
    /// [`Error::Mirror`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        match fault(text) {
            None => Ok(Self(text.to_owned())),
            Some(fault) => Err(Error::Mirror {
                name: quoted(text),
                fault,
            }),
        }
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn fault(name: &str) -> Option<&'static str> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    match name {
        "" => Some("is empty"),
        name if name.len() > BYTES_MAX => Some("is longer than 64 bytes"),
        name if !name.chars().all(is_allowed) => {
            Some("contains something other than letters, digits, '.', '_' and '-'")
        }
        name if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) => {
            Some("does not start with a letter or digit")
        }
        // The name of a remote must be a valid component of a ref name (git-check-ref-format(1)).
        name if name.contains("..") || name.ends_with('.') || name.ends_with(".lock") => {
            Some("contains '..', or ends with '.' or '.lock'")
        }
        _ => None,
    }
}

impl FromStr for MirrorName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for MirrorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_valid_for_git_and_for_files() {
        for name in ["a", "9", "git.example.org-2", "A_b.c", &"a".repeat(64)] {
            assert_eq!(MirrorName::parse(name).unwrap().as_str(), name);
        }
        for name in [
            "",
            ".",
            "..",
            "-a",
            ".a",
            "_a",
            "a/b",
            "a b",
            "a..b",
            "a.",
            "a.lock",
            "ä",
            "a\n",
            &"a".repeat(65),
        ] {
            let result = MirrorName::parse(name);
            assert!(matches!(result, Err(Error::Mirror { .. })), "{name:?}");
        }
    }
}
