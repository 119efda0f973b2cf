//! Names that select modules and directories: a path or a glob.

use std::fmt;
use std::str::FromStr;

use super::error::Error;
use super::glob::Glob;
use super::tree_path::TreePath;

/// A name that selects modules and directories. A text with a wildcard may be both a path and a glob. It is then used as a path if a module
/// or directory exists there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreePattern {
    text: String,
    path: Option<TreePath>,
    glob: Option<Glob>,
}

impl TreePattern {
    /// Parses a path, or a glob if the text has a wildcard.
    ///
    /// # Errors
    /// Those of [`Glob::parse_beside`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (path, glob) = Glob::parse_beside(text, TreePath::parse)?;
        let text = text.to_owned();
        Ok(Self { text, path, glob })
    }

    /// Returns the text as a path; `None` if it is not a valid path, so that it can only be a glob.
    pub fn path(&self) -> Option<&TreePath> {
        self.path.as_ref()
    }

    /// Returns the text as a glob; `None` if it has no wildcard or is not a valid glob.
    pub fn glob(&self) -> Option<&Glob> {
        self.glob.as_ref()
    }
}

impl From<TreePath> for TreePattern {
    fn from(path: TreePath) -> Self {
        Self {
            text: path.to_string(),
            path: Some(path),
            glob: None,
        }
    }
}

impl FromStr for TreePattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

/// Writes a glob as it was parsed, and a path like [`TreePath`].
impl fmt::Display for TreePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.path, &self.glob) {
            (Some(path), None) => path.fmt(f),
            _ => f.write_str(&self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_with_a_wildcard_may_be_a_path_and_a_glob() {
        for (text, has_path, has_glob, shown) in [
            ("a/b", true, false, "/a/b"),
            ("a/*.wasm", true, true, "a/*.wasm"),
            ("a\\*", false, true, "a\\*"),
        ] {
            let parsed = TreePattern::parse(text).unwrap();
            let has = (parsed.path().is_some(), parsed.glob().is_some());
            assert_eq!(has, (has_path, has_glob), "{text}");
            assert_eq!(parsed.to_string(), shown);
        }
        for text in ["a/..", "!*"] {
            assert!(TreePattern::parse(text).is_err(), "{text}");
        }
    }
}
