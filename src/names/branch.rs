//! The name of a branch.

use std::fmt;
use std::str::FromStr;

use super::error::{Error, quoted};

/// The longest component, in bytes: git locks a ref with a file of the same name and `.lock` after it, and file systems
/// take 255 bytes.
const COMPONENT_BYTES_MAX: usize = 250;

/// The longest name, in bytes.
const NAME_BYTES_MAX: usize = 1024;

/// A branch name that `git check-ref-format --branch` takes as it stands; `@{-1}` and the like are not expanded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BranchName(String);

impl BranchName {
    /// Takes what git takes, if it is UTF-8 and within the limits. Nothing is trimmed.
    ///
    /// # Errors
    /// [`Error::Branch`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        match fault(text) {
            None => Ok(Self(text.to_owned())),
            Some(fault) => Err(Error::Branch {
                name: quoted(text),
                fault,
            }),
        }
    }

    /// The name, such as `main`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of its ref, such as `refs/heads/main`.
    pub fn full_ref(&self) -> String {
        format!("refs/heads/{}", self.0)
    }

    /// Whether the two cannot both exist, because one would be a folder in which the other lies: `a` and `a/b`.
    pub fn conflicts_with(&self, other: &Self) -> bool {
        let lies_in = |inner: &Self, outer: &Self| {
            let rest = inner.0.strip_prefix(outer.as_str());
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        lies_in(self, other) || lies_in(other, self)
    }
}

/// What is wrong with the name of a branch or a tag.
pub(super) fn fault(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("is empty")
    } else if name.len() > NAME_BYTES_MAX {
        Some("is longer than 1024 bytes")
    } else if name == "HEAD" {
        Some("is git's word for the default branch")
    } else if name.starts_with('-') {
        Some("starts with `-`")
    } else if name.ends_with('.') {
        Some("ends with `.`")
    } else if name.contains("..") {
        Some("holds `..`")
    } else if name.contains("@{") {
        Some("holds `@{`")
    } else if name.contains(|c: char| c.is_ascii_control() || " ~^:?*[\\".contains(c)) {
        Some("holds a space, a control character or one of ~ ^ : ? * [ \\")
    } else {
        name.split('/').find_map(component_fault)
    }
}

fn component_fault(component: &str) -> Option<&'static str> {
    if component.is_empty() {
        Some("has a slash at an end, or two in a row")
    } else if component.len() > COMPONENT_BYTES_MAX {
        Some("has more than 250 bytes between slashes")
    } else if component.starts_with('.') {
        Some("has a component that starts with `.`")
    } else if component.ends_with(".lock") {
        Some("has a component that ends with `.lock`")
    } else {
        None
    }
}

impl FromStr for BranchName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branch(name: &str) -> BranchName {
        BranchName::parse(name).unwrap()
    }

    #[test]
    fn names_that_git_takes_are_taken() {
        for name in [
            "main",
            "a/b",
            "@",
            "@a",
            "a@",
            "a/@",
            "{",
            "a{",
            "head",
            "HEAD/a",
            "a/HEAD",
            "a/-b",
            "a./b",
            "A.LOCK",
            "a.locks",
            "lock",
            "refs/heads/a",
            "FETCH_HEAD",
            "ä",
            "a\u{85}",
            "\u{a0}",
            "'\"$!",
        ] {
            assert_eq!(branch(name).as_str(), name);
            assert_eq!(branch(name).to_string(), name);
            assert_eq!(branch(name).full_ref(), format!("refs/heads/{name}"));
        }
    }

    #[test]
    fn names_that_git_refuses_are_refused() {
        let whole = [
            "", "-", "-a", "HEAD", "a.", ".", "..", "a..b", "@{", "@{-1}", "a@{u}",
        ];
        let characters = [
            "a b", "a~", "^a", "a:b", "a?", "*", "[a", "a\\b", "a\0", "a\n", "a\u{7f}",
        ];
        let components = [
            "/a", "a/", "a//b", "/", ".a", "a/.b", "a.lock", "a.lock/b", ".lock",
        ];
        for name in [&whole[..], &characters, &components].concat() {
            let error = BranchName::parse(name).unwrap_err();
            assert!(matches!(error, Error::Branch { .. }), "{name:?}: {error}");
        }
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let error = BranchName::parse("a.lock/b").unwrap_err();
        let wanted = "branch name \"a.lock/b\" has a component that ends with `.lock`";
        assert_eq!(error.to_string(), wanted);
    }

    #[test]
    fn a_component_has_at_most_250_bytes_and_the_whole_1024() {
        let component = "a".repeat(250);
        assert_eq!(branch(&component).as_str(), component);
        assert!(BranchName::parse(&format!("{component}a")).is_err());
        let longest = format!("{}{}", format!("{component}/").repeat(4), "a".repeat(20));
        assert_eq!(branch(&longest).as_str().len(), 1024);
        assert!(BranchName::parse(&format!("{longest}a")).is_err());
    }

    #[test]
    fn a_branch_conflicts_with_those_in_its_folder() {
        for (a, b, conflict) in [
            ("a", "a/b", true),
            ("a/b", "a/b/c/d", true),
            ("a", "a", false),
            ("a", "ab", false),
            ("a", "a-/b", false),
            ("a/b", "a/c", false),
            ("b", "a/b", false),
        ] {
            assert_eq!(branch(a).conflicts_with(&branch(b)), conflict, "{a} {b}");
            assert_eq!(branch(b).conflicts_with(&branch(a)), conflict, "{b} {a}");
        }
    }
}
