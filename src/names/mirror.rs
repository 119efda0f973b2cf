//! The name of a mirror: that of a git remote, and of files of ours.

use std::fmt;
use std::str::FromStr;

use super::error::{Error, quoted};

/// The longest name, in bytes.
const BYTES_MAX: usize = 64;

/// The name of a mirror: letters, digits, `.`, `_` and `-`, the first of them a letter or digit. git takes it as the name of a
/// remote, and it can stand in a file's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MirrorName(String);

impl MirrorName {
    /// Reads a name.
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

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn fault(name: &str) -> Option<&'static str> {
    let is_taken = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    match name {
        "" => Some("is empty"),
        name if name.len() > BYTES_MAX => Some("is longer than 64 bytes"),
        name if !name.chars().all(is_taken) => {
            Some("has something else than letters, digits, '.', '_' and '-' in it")
        }
        name if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) => {
            Some("does not begin with a letter or digit")
        }
        // git-check-ref-format(1): a remote's name has to be fit for a folder of refs.
        name if name.contains("..") || name.ends_with('.') || name.ends_with(".lock") => {
            Some("has a '..' in it, or ends in '.' or '.lock'")
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
    fn names_are_fit_for_git_and_for_files() {
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
            let refused = MirrorName::parse(name);
            assert!(matches!(refused, Err(Error::Mirror { .. })), "{name:?}");
        }
    }
}
