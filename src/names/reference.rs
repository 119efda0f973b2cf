//! References to a module as a user writes them: a path, a hash or a digest.

use std::fmt;
use std::str::FromStr;

use super::digest::{self, Digest};
use super::error::{Error, quoted};
use super::hex;
use super::id::ModuleHash;
use super::path::ModulePath;

/// A reference to a module by its hash or by its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashRef {
    /// 40 hex digits: a blob id. Only a SHA-1 store has such blobs.
    Hash40(ModuleHash),
    /// 64 bare hex digits: in a SHA-1 store a digest; in a SHA-256 store a blob id, or a digest if no blob has that id.
    Hex64([u8; 32]),
    /// `sha256:` and 64 hex digits.
    Digest(Digest),
}

impl HashRef {
    /// Parses 40 or 64 hex digits, or `sha256:` and 64 hex digits, in upper or lower case.
    ///
    /// # Errors
    /// [`Error::Digest`] for a malformed digest with the prefix, else [`Error::HashRef`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        if digest::without_prefix(text).is_some() {
            return Digest::parse(text).map(Self::Digest);
        }
        if let Some(bytes) = hex::decode(text) {
            return Ok(Self::Hex64(bytes));
        }
        match ModuleHash::parse(text) {
            Ok(hash) => Ok(Self::Hash40(hash)),
            Err(_) => Err(Error::HashRef {
                given: quoted(text),
            }),
        }
    }
}

impl FromStr for HashRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for HashRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hash40(hash) => hash.fmt(f),
            Self::Hex64(bytes) => hex::write(f, bytes),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// A reference to a module by its path, or by its hash or digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ModuleRef {
    /// A module's path.
    Path(ModulePath),
    /// A hash or a digest.
    Hash(HashRef),
}

impl ModuleRef {
    /// Parses a single segment of 40 or 64 hex digits, or with the prefix `sha256:`, as a hash, and anything else as a path. Slashes at
    /// both ends are removed first.
    ///
    /// # Errors
    /// [`Error::Digest`], or the errors of [`ModulePath::parse`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let trimmed = text.trim_matches('/');
        if digest::has_hash_form(trimmed) {
            HashRef::parse(trimmed).map(Self::Hash)
        } else {
            ModulePath::parse(trimmed).map(Self::Path)
        }
    }
}

impl FromStr for ModuleRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for ModuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.fmt(f),
            Self::Hash(hash) => hash.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX_40: &str = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";
    const HEX_64: &str = "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813";

    #[test]
    fn each_form_of_a_hash_is_recognised() {
        let hash = ModuleHash::parse(HEX_40).unwrap();
        let digest = Digest::parse(HEX_64).unwrap();
        for (text, expected) in [
            (HEX_40.to_owned(), HashRef::Hash40(hash)),
            (HEX_64.to_owned(), HashRef::Hex64(*digest.as_bytes())),
            (format!("sha256:{HEX_64}"), HashRef::Digest(digest)),
        ] {
            assert_eq!(HashRef::parse(&text), Ok(expected));
            assert_eq!(HashRef::parse(&text.to_uppercase()), Ok(expected));
            assert_eq!(expected.to_string(), text);
        }
    }

    #[test]
    fn other_text_is_not_a_hash() {
        for text in [
            "",
            "/",
            "a",
            &HEX_40[1..],
            &HEX_64[1..],
            "a.wasm",
            &format!("/{HEX_40}"),
        ] {
            let given = quoted(text);
            assert_eq!(HashRef::parse(text), Err(Error::HashRef { given }));
        }
    }

    #[test]
    fn a_malformed_digest_is_neither_a_hash_nor_a_path() {
        for text in ["sha256:", "SHA256:a.wasm", &format!("sha256:{HEX_40}")] {
            let error = Err(Error::Digest {
                given: quoted(text),
            });
            assert_eq!(HashRef::parse(text), error.clone().map(HashRef::Digest));
            assert_eq!(
                ModuleRef::parse(&format!("/{text}/")),
                error.map(HashRef::Digest).map(ModuleRef::Hash)
            );
        }
    }

    #[test]
    fn a_single_segment_with_the_form_of_a_hash_is_a_hash() {
        for name in [
            HEX_40.to_owned(),
            HEX_64.to_owned(),
            format!("sha256:{HEX_64}"),
        ] {
            for text in [name.clone(), format!("//{name}//")] {
                let parsed = ModuleRef::parse(&text).unwrap();
                assert_eq!(parsed, ModuleRef::Hash(HashRef::parse(&name).unwrap()));
                assert_eq!(parsed.to_string(), name);
            }
        }
    }

    #[test]
    fn other_text_is_a_path() {
        for text in [
            "a.wasm",
            &format!("a/{HEX_40}"),
            &format!("{HEX_40}/a"),
            "sha256:a/b",
            "abc",
        ] {
            let path = ModulePath::parse(text).unwrap();
            assert_eq!(ModuleRef::parse(text), Ok(ModuleRef::Path(path)));
            assert_eq!(
                ModuleRef::parse(text).unwrap().to_string(),
                format!("/{text}")
            );
        }
        assert_eq!(ModuleRef::parse("//"), Err(Error::PathEmpty));
    }
}
