//! Names of mirrors. A mirror is a git repository whose refs wasmstore keeps equal to the refs of the store.

use std::fmt;
use std::str::FromStr;

use super::error::{Error, quoted};
use super::short_name;

/// The name of a mirror: letters, digits, `.`, `_` and `-`, starting with a letter or digit. The git remote of the mirror has the same
/// name, and file names contain it.
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
    // The name of a remote must be a valid component of a ref name (git-check-ref-format(1)).
    let is_component = !name.contains("..") && !name.ends_with('.') && !name.ends_with(".lock");
    let of_component = (!is_component).then_some("contains '..', or ends with '.' or '.lock'");
    short_name::fault(name).or(of_component)
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
