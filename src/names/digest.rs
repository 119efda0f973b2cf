//! The SHA-256 digest of a module's bytes.

use std::fmt;
use std::str::FromStr;

use super::error::{Error, quoted};
use super::hex;

/// The prefix of a digest as text.
const PREFIX: &str = "sha256:";

/// The SHA-256 of a module's bytes, written `sha256:<64 hex digits>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Parses 64 hex digits in upper or lower case, with or without the prefix `sha256:`.
    ///
    /// # Errors
    /// [`Error::Digest`] for anything else.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let digits = without_prefix(text).unwrap_or(text);
        hex::decode(digits).map(Self).ok_or_else(|| Error::Digest {
            given: quoted(text),
        })
    }

    /// Converts the 32 bytes of a SHA-256 to a digest.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the 64 lower-case hex digits, without the prefix.
    pub fn to_hex(&self) -> String {
        let mut text = self.to_string();
        text.split_off(PREFIX.len())
    }
}

/// Returns `text` without the prefix `sha256:`, which may be in upper or lower case; `None` if it has no such prefix.
pub(super) fn without_prefix(text: &str) -> Option<&str> {
    let (head, rest) = text.split_at_checked(PREFIX.len())?;
    head.eq_ignore_ascii_case(PREFIX).then_some(rest)
}

/// Returns whether `text` has the form of a hash: 40 or 64 hex digits, or a single path segment that starts with `sha256:`, even if
/// the rest of the digest is malformed. The caller has removed slashes at both ends.
pub(super) fn has_hash_form(text: &str) -> bool {
    let has_prefix = without_prefix(text).is_some() && !text.contains('/');
    has_prefix || hex::decode::<20>(text).is_some() || hex::decode::<32>(text).is_some()
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        hex::write(f, &self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn the_prefix_is_optional_and_case_insensitive() {
        let digest = Digest::parse(HEX).unwrap();
        for text in [
            format!("sha256:{HEX}"),
            format!("SHA256:{HEX}"),
            format!("sHa256:{}", HEX.to_uppercase()),
        ] {
            assert_eq!(Digest::parse(&text), Ok(digest), "{text}");
        }
        assert_eq!(digest.to_string(), format!("sha256:{HEX}"));
        assert_eq!(digest.to_hex(), HEX);
        assert_eq!(Digest::from_bytes(*digest.as_bytes()), digest);
    }

    #[test]
    fn malformed_digests_are_rejected() {
        let twice = format!("sha256:sha256:{HEX}");
        let other = format!("sha512:{HEX}");
        let unpunctuated = format!("sha256{HEX}");
        let spaced = format!("sha256: {HEX}");
        for text in [
            "",
            "sha256:",
            "sha256:00",
            &HEX[1..],
            &HEX[24..],
            &twice,
            &other,
            &unpunctuated,
            &spaced,
            "sha256€",
        ] {
            assert_eq!(
                Digest::parse(text),
                Err(Error::Digest {
                    given: quoted(text)
                }),
                "{text}"
            );
        }
    }
}
