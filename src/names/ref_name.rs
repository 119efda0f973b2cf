//! Full names of refs: branches and tags, which a push may contain, and the ref of the OCI registry, which only the store itself moves.

use std::fmt;
use std::str::FromStr;

use super::branch::{self, BranchName};
use super::error::{Error, quoted};

/// The name of a tag. It follows the same rules as the name of a branch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagName(String);

impl TagName {
    /// Parses any tag name that git accepts, if it is UTF-8 and within the length limits.
    ///
    /// # Errors
    /// [`Error::Tag`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        match branch::fault(text) {
            None => Ok(Self(text.to_owned())),
            Some(fault) => Err(Error::Tag {
                name: quoted(text),
                fault,
            }),
        }
    }

    /// Returns the name, such as `v1.0`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TagName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for TagName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The full name of the ref of the OCI registry: its commits record the manifests, blobs and tags that clients pushed. It is not directly
/// below `refs/`, because git would not push such a ref to a mirror.
const OCI: &str = "refs/oci/records";

/// The full name of a ref that the store reads and writes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefName {
    /// A branch, below `refs/heads/`.
    Branch(BranchName),
    /// A tag, below `refs/tags/`.
    Tag(TagName),
    /// The ref of the OCI registry, `refs/oci/records`.
    Oci,
}

impl RefName {
    /// Parses a full name: `refs/heads/main`, `refs/tags/v1`, `refs/oci/records`.
    ///
    /// # Errors
    /// [`Error::Branch`], [`Error::Tag`]; [`Error::Ref`] for a name of any other kind.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if let Some(name) = text.strip_prefix("refs/heads/") {
            return BranchName::parse(name).map(Self::Branch);
        }
        if text == OCI {
            return Ok(Self::Oci);
        }
        let name = text
            .strip_prefix("refs/tags/")
            .ok_or_else(|| Error::Ref { name: quoted(text) })?;
        TagName::parse(name).map(Self::Tag)
    }

    /// Rejects a name with control characters that can forge output on a terminal. Existing refs may have such a name; new ones may not.
    ///
    /// # Errors
    /// [`Error::Branch`] or [`Error::Tag`].
    pub fn check_new(&self) -> Result<(), Error> {
        let tag = match self {
            Self::Branch(branch) => return branch.check_new(),
            Self::Tag(tag) => tag,
            Self::Oci => return Ok(()),
        };
        match branch::fault_if_new(&tag.0) {
            None => Ok(()),
            Some(fault) => Err(Error::Tag {
                name: quoted(&tag.0),
                fault,
            }),
        }
    }

    /// Returns whether one name is a directory of the other, as `refs/heads/a` is of `refs/heads/a/b`. Two such refs cannot both
    /// exist, because git stores refs in files of these names.
    pub fn conflicts_with(&self, other: &Self) -> bool {
        let (one, other) = (self.to_string(), other.to_string());
        let is_below = |inner: &str, outer: &str| {
            let rest = inner.strip_prefix(outer);
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        is_below(&one, &other) || is_below(&other, &one)
    }
}

impl FromStr for RefName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl From<BranchName> for RefName {
    fn from(branch: BranchName) -> Self {
        Self::Branch(branch)
    }
}

impl From<TagName> for RefName {
    fn from(tag: TagName) -> Self {
        Self::Tag(tag)
    }
}

/// Writes the full name.
impl fmt::Display for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(branch) => write!(f, "refs/heads/{branch}"),
            Self::Tag(tag) => write!(f, "refs/tags/{}", tag.0),
            Self::Oci => f.write_str(OCI),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refs_of_other_kinds_are_not_parsed() {
        for name in ["refs/heads/a/b", "refs/tags/v1", "refs/oci/records"] {
            assert_eq!(RefName::parse(name).unwrap().to_string(), name);
        }
        assert!(matches!(
            RefName::parse("refs/heads/a..b"),
            Err(Error::Branch { .. })
        ));
        assert!(matches!(
            RefName::parse("refs/tags/a.lock"),
            Err(Error::Tag { .. })
        ));
        for name in [
            "refs/notes/commits",
            "refs/heads",
            "heads/a",
            "HEAD",
            "",
            "refs/x",
            "refs/oci",
            "refs/oci/x",
        ] {
            assert!(
                matches!(RefName::parse(name), Err(Error::Ref { .. })),
                "{name:?}"
            );
        }
    }

    #[test]
    fn c1_and_bidi_controls_are_rejected_in_new_names_only() {
        for name in ["refs/heads/a\u{9b}", "refs/tags/\u{2066}a"] {
            let error = RefName::parse(name).unwrap().check_new().unwrap_err();
            let is_of_ref = matches!(error, Error::Branch { .. } | Error::Tag { .. });
            assert!(is_of_ref, "{error}");
        }
        let tag = RefName::parse("refs/tags/v1").unwrap();
        assert_eq!(tag.check_new(), Ok(()));
    }

    #[test]
    fn a_ref_conflicts_with_refs_below_it() {
        let name = |text: &str| RefName::parse(text).unwrap();
        assert!(name("refs/heads/a").conflicts_with(&name("refs/heads/a/b")));
        assert!(name("refs/tags/a/b/c").conflicts_with(&name("refs/tags/a/b")));
        for (one, other) in [
            ("refs/heads/a", "refs/heads/a"),
            ("refs/heads/a", "refs/heads/ab"),
            ("refs/heads/a", "refs/tags/a/b"),
        ] {
            assert!(!name(one).conflicts_with(&name(other)), "{one} {other}");
        }
    }
}
