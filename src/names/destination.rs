//! The destination of a copy or a move.

use std::fmt;
use std::str::FromStr;

use super::error::Error;
use super::tree_path::TreePath;

/// The destination of a copy or a move: a path, and whether the user wrote it as a directory, with a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The path of the copy, or of the directory into which the copy is put.
    pub path: TreePath,
    /// Whether the path names a directory. This is always true for the root.
    pub is_directory: bool,
}

impl Destination {
    /// Parses a path.
    ///
    /// # Errors
    /// Those of [`TreePath::parse`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let path = TreePath::parse(text)?;
        Ok(Self {
            is_directory: path.is_root() || text.ends_with('/'),
            path,
        })
    }
}

impl FromStr for Destination {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

/// Writes the path with a leading slash. A directory also has a slash at its end.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(f)?;
        if self.is_directory && !self.path.is_root() {
            f.write_str("/")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_at_the_end_marks_a_directory() {
        for (text, is_directory, shown) in [
            ("a/b", false, "/a/b"),
            ("/a/b//", true, "/a/b/"),
            ("/", true, "/"),
            ("", true, "/"),
        ] {
            let parsed = Destination::parse(text).unwrap();
            assert_eq!(parsed.is_directory, is_directory, "{text}");
            assert_eq!(parsed.to_string(), shown);
            assert_eq!(Destination::parse(shown), Ok(parsed));
        }
        assert!(Destination::parse("a/../b/").is_err());
    }
}
