//! Names of branches.

use std::fmt;
use std::str::FromStr;

use super::display::is_display_control;
use super::error::{Error, quoted};

/// The maximum length of a component of a branch name, in bytes: git locks a ref with a file of the same name plus `.lock`, and file
/// systems limit a file name to 255 bytes.
const COMPONENT_BYTES_MAX: usize = 250;

/// The maximum length of a branch name, in bytes.
const NAME_BYTES_MAX: usize = 1024;

/// The number of digits of an id, with SHA-1 and with SHA-256.
const ID_DIGITS: [usize; 2] = [40, 64];

/// A branch name that `git check-ref-format --branch` accepts. Expressions such as `@{-1}` are not expanded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BranchName(String);

impl BranchName {
    /// Parses any branch name that git accepts, if it is UTF-8 and within the length limits. White space is not trimmed.
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

    /// Rejects a name that has control characters, which can forge output on a terminal, or the form of an object id. Existing branches may
    /// have such a name; new ones may not.
    ///
    /// # Errors
    /// [`Error::Branch`].
    pub fn check_new(&self) -> Result<(), Error> {
        match fault_if_new(&self.0) {
            None => Ok(()),
            Some(fault) => Err(Error::Branch {
                name: quoted(&self.0),
                fault,
            }),
        }
    }

    /// Returns the name, such as `main`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the full name of its ref, such as `refs/heads/main`.
    pub fn full_ref(&self) -> String {
        format!("refs/heads/{}", self.0)
    }

    /// Returns whether one name is a directory of the other, as `a` is of `a/b`. Two such branches cannot both exist, because git
    /// stores refs in files of these names.
    pub fn conflicts_with(&self, other: &Self) -> bool {
        let is_below = |inner: &Self, outer: &Self| {
            let rest = inner.0.strip_prefix(outer.as_str());
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        is_below(self, other) || is_below(other, self)
    }
}

/// Returns the rule that `name` breaks as the name of a branch or a tag; `None` if it is a valid name.
pub(super) fn fault(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("is empty")
    } else if name.len() > NAME_BYTES_MAX {
        Some("is longer than 1024 bytes")
    } else if name == "HEAD" {
        Some("is reserved by git")
    } else if name.starts_with('-') {
        Some("starts with `-`")
    } else if name.ends_with('.') {
        Some("ends with `.`")
    } else if name.contains("..") {
        Some("contains `..`")
    } else if name.contains("@{") {
        Some("contains `@{`")
    } else if name.contains(|c: char| c.is_ascii_control() || " ~^:?*[\\".contains(c)) {
        Some("contains a space, a control character or one of ~ ^ : ? * [ \\")
    } else {
        name.split('/').find_map(component_fault)
    }
}

/// Returns the rule that forbids a new branch or tag to have a name that is valid for an existing one; `None` if it is allowed.
pub(super) fn fault_if_new(name: &str) -> Option<&'static str> {
    if name.contains(is_display_control) {
        Some("contains a C1 or bidirectional control character")
    } else if ID_DIGITS.contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        // git interprets such a name as an object id, and warns if a ref has the name.
        Some("has the form of an object id")
    } else {
        None
    }
}

fn component_fault(component: &str) -> Option<&'static str> {
    if component.is_empty() {
        Some("has a leading, trailing or repeated slash")
    } else if component.len() > COMPONENT_BYTES_MAX {
        Some("has a component of more than 250 bytes")
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
    fn names_that_git_accepts_are_accepted() {
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
    fn c1_and_bidi_controls_are_rejected_in_new_names_only() {
        for (name, quoted) in [("a\u{9b}31m", r"a\u{9b}31m"), ("\u{202e}b", r"\u{202e}b")] {
            let error = branch(name).check_new().unwrap_err().to_string();
            let wanted = format!(
                "branch name \"{quoted}\" contains a C1 or bidirectional control character"
            );
            assert_eq!(error, wanted);
        }
        for name in ["a", "\u{a0}", "עברית"] {
            assert_eq!(branch(name).check_new(), Ok(()));
        }
    }

    #[test]
    fn names_that_git_rejects_are_rejected() {
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
    fn each_error_names_its_rule() {
        let error = BranchName::parse("a.lock/b").unwrap_err();
        let wanted = "branch name \"a.lock/b\" has a component that ends with `.lock`";
        assert_eq!(error.to_string(), wanted);
    }

    #[test]
    fn components_over_250_bytes_and_names_over_1024_are_rejected() {
        let component = "a".repeat(250);
        assert_eq!(branch(&component).as_str(), component);
        assert!(BranchName::parse(&format!("{component}a")).is_err());
        let longest = format!("{}{}", format!("{component}/").repeat(4), "a".repeat(20));
        assert_eq!(branch(&longest).as_str().len(), 1024);
        assert!(BranchName::parse(&format!("{longest}a")).is_err());
    }

    #[test]
    fn a_branch_conflicts_with_branches_below_it() {
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
