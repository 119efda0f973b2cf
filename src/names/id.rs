//! The ids of git objects: blobs of modules, commits, and objects of any kind.

use std::fmt;
use std::str::FromStr;

use super::error::{Error, quoted};
use super::hex;

/// A module's hash, which is its git blob id: 20 bytes in a SHA-1 store, 32 bytes in a SHA-256 store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleHash(ObjectId);

impl ModuleHash {
    /// Parses 40 or 64 hex digits in upper or lower case.
    ///
    /// # Errors
    /// [`Error::ModuleHash`] for anything else.
    pub fn parse(text: &str) -> Result<Self, Error> {
        ObjectId::parse(text)
            .map(Self)
            .ok_or_else(|| Error::ModuleHash {
                given: quoted(text),
            })
    }

    /// Converts 20 or 32 bytes to an id; returns `None` for any other length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        ObjectId::from_bytes(bytes).map(Self)
    }

    /// Returns the 20 or 32 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl FromStr for ModuleHash {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for ModuleHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The id of a commit: 20 bytes in a SHA-1 store, 32 bytes in a SHA-256 store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(ObjectId);

impl CommitId {
    /// Parses 40 or 64 hex digits in upper or lower case.
    ///
    /// # Errors
    /// [`Error::CommitId`] for anything else.
    pub fn parse(text: &str) -> Result<Self, Error> {
        ObjectId::parse(text)
            .map(Self)
            .ok_or_else(|| Error::CommitId {
                given: quoted(text),
            })
    }

    /// Converts 20 or 32 bytes to an id; returns `None` for any other length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        ObjectId::from_bytes(bytes).map(Self)
    }

    /// Returns the 20 or 32 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl FromStr for CommitId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The id of an object of any kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectId {
    /// An id in a SHA-1 store.
    Sha1([u8; 20]),
    /// An id in a SHA-256 store.
    Sha256([u8; 32]),
}

impl ObjectId {
    /// Parses 40 or 64 hex digits in upper or lower case; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let sha1 = hex::decode(text).map(Self::Sha1);
        sha1.or_else(|| hex::decode(text).map(Self::Sha256))
    }

    /// Converts 20 or 32 bytes to an id; returns `None` for any other length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let sha1 = bytes.try_into().ok().map(Self::Sha1);
        sha1.or_else(|| bytes.try_into().ok().map(Self::Sha256))
    }

    /// Returns the 20 or 32 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Sha1(bytes) => bytes,
            Self::Sha256(bytes) => bytes,
        }
    }
}

impl From<CommitId> for ObjectId {
    fn from(id: CommitId) -> Self {
        id.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(f, self.as_bytes())
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA1: &str = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";
    const SHA256: &str = "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813";

    #[test]
    fn any_case_is_parsed_and_lower_case_is_displayed() {
        for text in [SHA1, SHA256] {
            let hash = ModuleHash::parse(&text.to_uppercase()).unwrap();
            assert_eq!(hash.to_string(), text);
            assert_eq!(hash, text.parse().unwrap());
            assert_eq!(
                CommitId::parse(&text.to_uppercase()).unwrap().to_string(),
                text
            );
        }
    }

    #[test]
    fn other_lengths_are_rejected() {
        let sha1_cut = &SHA1[1..];
        let sha1_long = format!("{SHA1}0");
        let prefixed = format!("sha256:{SHA256}");
        let spaced = format!(" {SHA1}");
        let not_hex = SHA1.replace('e', "g");
        for text in [
            "",
            sha1_cut,
            &sha1_long,
            &SHA256[1..],
            &prefixed,
            &spaced,
            &not_hex,
        ] {
            let given = quoted(text);
            assert_eq!(
                ModuleHash::parse(text),
                Err(Error::ModuleHash {
                    given: given.clone()
                })
            );
            assert_eq!(CommitId::parse(text), Err(Error::CommitId { given }));
        }
    }

    #[test]
    fn only_20_or_32_bytes_are_converted() {
        for length in 0..70 {
            let bytes = vec![0xab; length];
            let hash = ModuleHash::from_bytes(&bytes);
            let commit = CommitId::from_bytes(&bytes);
            if length == 20 || length == 32 {
                assert_eq!(hash.unwrap().as_bytes(), bytes);
                assert_eq!(commit.unwrap().as_bytes(), bytes);
            } else {
                assert_eq!((hash, commit), (None, None));
            }
        }
    }

    #[test]
    fn debug_output_is_readable() {
        assert_eq!(
            format!("{:?}", ModuleHash::parse(SHA1).unwrap()),
            format!("ModuleHash({SHA1})")
        );
    }
}
