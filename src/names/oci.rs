//! Names of the OCI registry API (OCI distribution specification 1.1, "Pulling manifests"): repositories, tags and digests.

use std::fmt;
use std::str::FromStr;

use super::digest::Digest;
use super::error::{Error, quoted};
use super::hex;

/// The maximum length of a repository name, in bytes: many clients limit a host name and a repository name together to 255 characters.
const REPOSITORY_BYTES_MAX: usize = 255;

/// The maximum number of components of a repository name. A path in a store may have at most 64 segments, and the paths of a repository's
/// modules and records have more segments than its name.
const COMPONENTS_MAX: usize = 48;

/// The maximum length of a tag, in bytes.
const TAG_BYTES_MAX: usize = 128;

/// The name of a repository: lower-case components, joined by slashes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName(String);

impl RepositoryName {
    /// Parses a name.
    ///
    /// # Errors
    /// [`Error::OciName`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let fault = if text.is_empty() {
            Some("is empty")
        } else if text.len() > REPOSITORY_BYTES_MAX {
            Some("is longer than 255 bytes")
        } else if text.split('/').count() > COMPONENTS_MAX {
            Some("has more than 48 components")
        } else if !text.split('/').all(is_component) {
            Some(
                "must consist of components of lower-case letters and digits, separated by `/`; inside of a component, `.`, `_`, `__` and \
                 `-` may separate letters and digits",
            )
        } else {
            None
        };
        match fault {
            None => Ok(Self(text.to_owned())),
            Some(fault) => Err(Error::OciName {
                kind: "repository name",
                name: quoted(text),
                fault,
            }),
        }
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns whether a component of a repository name matches `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
fn is_component(component: &str) -> bool {
    let is_alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = component.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    let separators = component.split(|char: char| char.is_ascii() && is_alphanumeric(char as u8));
    let is_separator =
        |text: &str| matches!(text, "" | "." | "_" | "__") || text.bytes().all(|byte| byte == b'-');
    is_alphanumeric(*first) && is_alphanumeric(*last) && separators.into_iter().all(is_separator)
}

/// A tag of a repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OciTag(String);

impl OciTag {
    /// Parses a tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
    ///
    /// # Errors
    /// [`Error::OciName`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let fault = if text.len() > TAG_BYTES_MAX {
            Some("is longer than 128 bytes")
        } else if !text.bytes().next().is_some_and(is_word) {
            Some("must begin with a letter, a digit or `_`")
        } else if !text
            .bytes()
            .all(|byte| is_word(byte) || byte == b'.' || byte == b'-')
        {
            Some("must consist of letters, digits, `.`, `_` and `-`")
        } else {
            None
        };
        match fault {
            None => Ok(Self(text.to_owned())),
            Some(fault) => Err(Error::OciName {
                kind: "tag",
                name: quoted(text),
                fault,
            }),
        }
    }

    /// Returns the tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The digest of a blob or manifest: SHA-256 or SHA-512.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OciDigest {
    /// `sha256:` and 64 lower-case hex digits.
    Sha256([u8; 32]),
    /// `sha512:` and 128 lower-case hex digits.
    Sha512([u8; 64]),
}

impl OciDigest {
    /// Parses a digest.
    ///
    /// # Errors
    /// [`Error::OciName`] for another algorithm, another length, or upper-case digits.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        let parsed = match text.split_once(':') {
            Some(("sha256", digits)) if is_lower => hex::decode(digits).map(Self::Sha256),
            Some(("sha512", digits)) if is_lower => hex::decode(digits).map(Self::Sha512),
            _ => None,
        };
        parsed.ok_or_else(|| Error::OciName {
            kind: "digest",
            name: quoted(text),
            fault: "must be `sha256:` and 64, or `sha512:` and 128 lower-case hex digits",
        })
    }

    /// Returns the name of the algorithm: `sha256` or `sha512`.
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Sha256(_) => "sha256",
            Self::Sha512(_) => "sha512",
        }
    }

    /// Returns the hex digits without the algorithm.
    pub fn to_hex(&self) -> String {
        let text = self.to_string();
        text[self.algorithm().len() + 1..].to_owned()
    }
}

impl From<Digest> for OciDigest {
    fn from(digest: Digest) -> Self {
        Self::Sha256(*digest.as_bytes())
    }
}

impl fmt::Display for OciDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.algorithm())?;
        match self {
            Self::Sha256(bytes) => hex::write(f, bytes),
            Self::Sha512(bytes) => hex::write(f, bytes),
        }
    }
}

impl FromStr for OciDigest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

/// A tag or the digest of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ManifestRef {
    /// A tag.
    Tag(OciTag),
    /// A digest.
    Digest(OciDigest),
}

impl ManifestRef {
    /// Parses a tag, or a digest if the text contains a colon.
    ///
    /// # Errors
    /// [`Error::OciName`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.contains(':') {
            OciDigest::parse(text).map(Self::Digest)
        } else {
            OciTag::parse(text).map(Self::Tag)
        }
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for OciTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ManifestRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_names_follow_the_grammar() {
        let long = "a".repeat(255);
        for name in [
            "a",
            "0",
            "a/b",
            "a.b",
            "a_b",
            "a__b",
            "a-b",
            "a---b",
            "a.b/c_d/e--f",
            &long,
        ] {
            assert!(RepositoryName::parse(name).is_ok(), "{name}");
        }
        let too_long = "a".repeat(256);
        let too_deep = format!("{}a", "a/".repeat(48));
        for name in [
            "", "/", "a/", "/a", "a//b", "A", "a..b", "a___b", "a._b", "-a", "a-", ".a", "a.",
            "_a", "a_", "a/_b", "é", "a b", "a:b", "a@b", "a/../b", &too_long, &too_deep,
        ] {
            assert!(RepositoryName::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn tags_follow_the_grammar() {
        let long = "v".repeat(128);
        for tag in ["a", "_", "1.2.3", "V-1_2.", "latest", &long] {
            assert!(OciTag::parse(tag).is_ok(), "{tag}");
        }
        let too_long = "v".repeat(129);
        for tag in ["", ".a", "-a", "a/b", "a:b", "a+b", "é", "a b", &too_long] {
            assert!(OciTag::parse(tag).is_err(), "{tag}");
        }
    }

    #[test]
    fn digests_are_parsed_and_printed() {
        for text in [
            format!("sha256:{}", "0f".repeat(32)),
            format!("sha512:{}", "a9".repeat(64)),
        ] {
            let digest = OciDigest::parse(&text).unwrap();
            assert_eq!(digest.to_string(), text);
            assert_eq!(format!("{}:{}", digest.algorithm(), digest.to_hex()), text);
            assert_eq!(
                ManifestRef::parse(&text).unwrap(),
                ManifestRef::Digest(digest)
            );
        }
        for text in [
            "sha256:",
            "sha256:00",
            &format!("sha256:{}", "0F".repeat(32)),
            &format!("SHA256:{}", "00".repeat(32)),
            &format!("md5:{}", "00".repeat(16)),
            &"00".repeat(32),
        ] {
            assert!(OciDigest::parse(text).is_err(), "{text}");
        }
    }
}
