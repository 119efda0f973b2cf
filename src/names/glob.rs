//! Globs: patterns that select files by their paths, as in gitignore(5).

use std::fmt;
use std::str::FromStr;

use gix_glob::pattern::Case;
use gix_glob::wildmatch::Mode;

use super::error::{Error, quoted};
use super::glob_syntax;
use super::tree_path::TreePath;

/// The characters that make a text a glob. A backslash, which escapes such a character, does not make a text a glob: no path contains one,
/// so a text with only a backslash is an error.
const WILDCARDS: [char; 3] = ['*', '?', '['];

/// A pattern as in gitignore(5). If it contains no slash, or only a slash at its end, it matches names in every directory. Otherwise it is
/// relative to the root directory. `*` and `?` match no slash, and `**` matches any number of directories. A pattern with a slash at its
/// end matches only directories. Unlike in gitignore(5), a pattern cannot be negated with `!`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    text: String,
    pattern: gix_glob::Pattern,
}

impl Glob {
    /// Parses a text as a name with `parse_name` and, if it has a wildcard, also as a glob. Returns the name, the glob, or both if both are
    /// valid.
    ///
    /// # Errors
    /// Those of `parse_name` for a text without a wildcard, and otherwise those of [`parse`](Self::parse). A malformed glob is not an error
    /// if it is a legal name: git allows files like `a[`.
    pub fn parse_beside<N>(
        text: &str,
        parse_name: fn(&str) -> Result<N, Error>,
    ) -> Result<(Option<N>, Option<Self>), Error> {
        if !text.contains(WILDCARDS) {
            return Ok((Some(parse_name(text)?), None));
        }
        match (parse_name(text).ok(), Self::parse(text)) {
            (Some(name), Err(_)) if !text.starts_with('!') => Ok((Some(name), None)),
            (name, glob) => Ok((name, Some(glob?))),
        }
    }

    /// Parses a pattern.
    ///
    /// # Errors
    /// [`Error::Glob`] if it is blank or malformed, or starts with `!`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let rejected = |fault| Error::Glob {
            glob: quoted(text),
            fault,
        };
        if text.starts_with('!') {
            return Err(rejected(
                "starts with `!`, which is not supported: write `\\!` for a name that starts with it",
            ));
        }
        if let Some(fault) = glob_syntax::fault(text) {
            return Err(rejected(fault));
        }
        let pattern = gix_glob::Pattern::from_bytes(text.as_bytes());
        Ok(Self {
            text: text.to_owned(),
            pattern: pattern.ok_or_else(|| rejected("is blank"))?,
        })
    }

    /// Returns whether the pattern matches exactly this path, which is relative to the root directory and has no leading slash. A pattern
    /// that matches a directory does not therefore match the paths below it; see [`selects`](Self::selects).
    pub fn matches(&self, path: &[u8], is_directory: bool) -> bool {
        let name = path.iter().rposition(|byte| *byte == b'/');
        self.pattern.matches_repo_relative_path(
            path.into(),
            name.map(|slash| slash + 1),
            Some(is_directory),
            Case::Sensitive,
            Mode::NO_MATCH_SLASH_LITERAL,
        )
    }

    /// Returns whether the pattern matches the file at a path, or a directory above it.
    pub fn selects(&self, path: &str) -> bool {
        let directory = path.rsplit_once('/').unwrap_or_default().0;
        self.matching_directory(directory).is_some() || self.matches(path.as_bytes(), false)
    }

    /// Returns the topmost directory that the pattern matches, among `directory` and the directories above it; `None` if it matches none. A
    /// pattern that matches a directory also selects everything below it, as in gitignore(5).
    pub fn matching_directory<'d>(&self, directory: &'d str) -> Option<&'d str> {
        let ends = directory.match_indices('/').map(|(end, _)| end);
        let mut directories = ends
            .chain([directory.len()])
            .map(|end| &directory[..end])
            .filter(|directory| !directory.is_empty());
        directories.find(|directory| self.matches(directory.as_bytes(), true))
    }

    /// Returns a directory that contains everything that the pattern matches. For a pattern that matches in every directory, this is the
    /// root.
    pub fn directory(&self) -> TreePath {
        let text = self.text.trim_end_matches('/');
        let wildcard = text.find(['*', '?', '[', '\\']);
        let literal = &text[..wildcard.unwrap_or(text.len())];
        let directory = literal.rsplit_once('/').map(|(directory, _)| directory);
        // If the path of the directory is not legal, the pattern matches nothing in a store, so any directory is correct.
        directory.unwrap_or_default().parse().unwrap_or_default()
    }

    /// Returns the end of the pattern after its last special character. The name of every matching file, without its directories, ends with
    /// it.
    pub fn name_end(&self) -> &str {
        // A backslash or a space at the end of a pattern has a special meaning, so the suffix begins after the last of them.
        let is_special = |c: char| c.is_whitespace() || "*?[]\\/".contains(c);
        self.text.rsplit(is_special).next().unwrap_or_default()
    }
}

impl FromStr for Glob {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn globs_match_as_in_gitignore() {
        for (glob, path, is_directory, matches) in [
            ("*.wasm", "a.wasm", false, true),
            ("*.wasm", "a/b.wasm", false, true),
            ("*.wasm", "a.wasm.txt", false, false),
            ("/*.wasm", "a.wasm", false, true),
            ("/*.wasm", "a/b.wasm", false, false),
            ("a/*.wasm", "a/b.wasm", false, true),
            ("a/*.wasm", "a/b/c.wasm", false, false),
            ("a/*.wasm", "x/a/b.wasm", false, false),
            ("a/**", "a/b/c.wasm", false, true),
            ("**/b", "b", false, true),
            ("a/**/b", "a/b", false, true),
            ("a/**/b", "a/x/y/b", false, true),
            ("target/", "x/target", true, true),
            ("target/", "x/target", false, false),
            ("[a-c]?", "b1", false, true),
            ("[!a-c]?", "b1", false, false),
            ("A", "a", false, false),
            ("\\!a", "!a", false, true),
            ("#a", "#a", false, true),
            ("\\*", "*", false, true),
            ("\\*", "a", false, false),
        ] {
            let parsed = Glob::parse(glob).unwrap();
            assert_eq!(
                parsed.matches(path.as_bytes(), is_directory),
                matches,
                "{glob} {path}"
            );
            assert_eq!(parsed.to_string(), glob);
        }
        assert!(Glob::parse("*.o").unwrap().matches(b"a\xff.o", false));
    }

    #[test]
    fn a_glob_selects_what_is_below_a_directory_that_it_matches() {
        for (glob, path, selects) in [
            ("math", "math/add.wasm", true),
            ("math/", "lib/math/add.wasm", true),
            ("/math", "lib/math/add.wasm", false),
            ("math/", "math", false),
            ("*.wasm", "math/add.wasm", true),
            ("math/*", "math/old/add.wasm", true),
            ("sub*", "math/add.wasm", false),
        ] {
            assert_eq!(
                Glob::parse(glob).unwrap().selects(path),
                selects,
                "{glob} {path}"
            );
        }
    }

    #[test]
    fn the_topmost_matching_directory_is_found() {
        for (glob, directory, found) in [
            ("a", "x/a/b/a", Some("x/a")),
            ("/a", "x/a", None),
            ("x/*", "x/a/b", Some("x/a")),
            ("x/", "x", Some("x")),
            ("*.wasm", "x/a", None),
            ("*", "", None),
        ] {
            let parsed = Glob::parse(glob).unwrap();
            assert_eq!(parsed.matching_directory(directory), found, "{glob}");
        }
    }

    #[test]
    fn the_directory_of_a_glob_is_above_all_that_it_matches() {
        for (glob, directory) in [
            ("a/b/c", "a/b"),
            ("/a/b/", "a"),
            ("a/**", "a"),
            ("a/b*/c", "a"),
            ("a/b/?", "a/b"),
            ("a/[b]/c", "a"),
            ("/a", ""),
            ("a/", ""),
            ("a", ""),
            ("**/a/b", ""),
            ("*.wasm", ""),
            ("../a/b", ""),
        ] {
            let parsed = Glob::parse(glob).unwrap();
            assert_eq!(parsed.directory().as_str(), directory, "{glob}");
        }
    }

    proptest! {
        #[test]
        fn the_name_of_a_file_ends_with_the_end_of_the_pattern(
            glob in "[ab*?/\\[\\] \\\\]{1,8}", path in "[ab]{1,3}(/[ab ]{1,3}){0,2}",
        ) {
            if let Ok(glob) = Glob::parse(&glob)
                && glob.matches(path.as_bytes(), false)
            {
                let name = path.rsplit('/').next().unwrap();
                prop_assert!(name.ends_with(glob.name_end()), "{} {}", glob, path);
            }
        }
    }

    #[test]
    fn the_end_of_a_pattern_follows_its_last_special_character() {
        for (glob, end) in [
            ("**/a.wasm", "a.wasm"),
            ("*.wasm", ".wasm"),
            ("a/b", "b"),
            ("a b", "b"),
            ("a/", ""),
            ("a ", ""),
            ("a\\*", ""),
            ("[ab]c", "c"),
        ] {
            assert_eq!(Glob::parse(glob).unwrap().name_end(), end, "{glob}");
        }
    }

    #[test]
    fn blank_negated_and_malformed_globs_are_rejected() {
        for text in ["", " ", "!a", "a[", "a\\"] {
            let error = Glob::parse(text).unwrap_err();
            assert!(matches!(error, Error::Glob { .. }), "{text:?}: {error}");
        }
    }
}
