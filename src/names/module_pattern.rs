//! Names that select modules: a path, a hash, a digest or a glob.

use std::fmt;
use std::str::FromStr;

use super::error::Error;
use super::glob::Glob;
use super::reference::ModuleRef;

/// A name that selects modules. A text with a wildcard may be both a path and a glob. It is then used as a path if a module or directory
/// exists there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModulePattern {
    text: String,
    name: Option<ModuleRef>,
    glob: Option<Glob>,
}

impl ModulePattern {
    /// Parses a path, a hash or a digest, or a glob if the text has a wildcard.
    ///
    /// # Errors
    /// Those of [`Glob::parse_beside`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (name, glob) = Glob::parse_beside(text, ModuleRef::parse)?;
        let text = text.to_owned();
        Ok(Self { text, name, glob })
    }

    /// Returns the text as a path, hash or digest; `None` if it is not a valid one, so that it can only be a glob.
    pub fn name(&self) -> Option<&ModuleRef> {
        self.name.as_ref()
    }

    /// Returns the text as a glob; `None` if it has no wildcard or is not a valid glob.
    pub fn glob(&self) -> Option<&Glob> {
        self.glob.as_ref()
    }

    /// Returns the text that was parsed.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for ModulePattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

/// Writes a glob as it was parsed, and any other name in the form of [`ModuleRef`].
impl fmt::Display for ModulePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, &self.glob) {
            (Some(name), None) => name.fmt(f),
            _ => f.write_str(&self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_with_a_wildcard_may_be_a_path_and_a_glob() {
        for (text, has_name, has_glob, shown) in [
            ("a/b.wasm", true, false, "/a/b.wasm"),
            ("a/*.wasm", true, true, "a/*.wasm"),
            ("a\\*", false, true, "a\\*"),
            ("a[", true, false, "/a["),
            (
                "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
                true,
                false,
                "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
            ),
        ] {
            let parsed = ModulePattern::parse(text).unwrap();
            let has = (parsed.name().is_some(), parsed.glob().is_some());
            assert_eq!(has, (has_name, has_glob), "{text}");
            assert_eq!(parsed.to_string(), shown);
        }
        for text in ["", "a/..", "!*", "a\\b", "../["] {
            assert!(ModulePattern::parse(text).is_err(), "{text}");
        }
    }
}
