//! The key that is sent to a server, and where it comes from.

use std::fmt;
use std::path::{Path, PathBuf};

use super::environment::{text_variable, variable};
use super::exit::{Error, Result};
use super::logins::Logins;
use super::text_file::decode;
use crate::http::read_bounded;
use crate::names::ServerUrl;

/// The variable with the key.
const KEY: &str = "WASMSTORE_KEY";
/// The variable with the name of a file that contains the key.
const KEY_FILE: &str = "WASMSTORE_KEY_FILE";
/// What is wrong with a key that cannot be the value of a header.
const NOT_ALLOWED: &str = "contains a character that is not allowed in a key";
/// The largest key file, in bytes.
const FILE_BYTES_MAX: u64 = 8 << 10;

/// A key for a server. Neither `Debug` nor an error prints it.
pub(super) struct ServerKey {
    key: String,
    source: KeySource,
}

/// The origin of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KeySource {
    /// The file of `--key-file`.
    Flag(PathBuf),
    /// `WASMSTORE_KEY`.
    Variable,
    /// The file that `WASMSTORE_KEY_FILE` names.
    FileVariable(PathBuf),
    /// `login`.
    Login(ServerUrl),
    /// Standard input or a prompt.
    Input,
}

impl ServerKey {
    /// Returns the key for a server: that of `--key-file`, of `WASMSTORE_KEY`, of the file that `WASMSTORE_KEY_FILE` names, or of `login`.
    ///
    /// # Errors
    /// The first of these that is present cannot be used.
    pub fn find(flag: Option<&Path>, url: &ServerUrl) -> Result<Option<Self>> {
        if let Some(key) = Self::given(flag)? {
            return Ok(Some(key));
        }
        Self::of_login(url)
    }

    /// Returns the key of `login` for a server.
    pub fn of_login(url: &ServerUrl) -> Result<Option<Self>> {
        let logins = Logins::read()?;
        let login = logins.find(url).map(|login| {
            let source = KeySource::Login(login.url().clone());
            Self::new(login.expose_key().to_owned(), source)
        });
        login.transpose()
    }

    /// Returns the key of the flag or of a variable, which is for any server.
    pub fn given(flag: Option<&Path>) -> Result<Option<Self>> {
        if let Some(path) = flag {
            return Self::read(path, KeySource::Flag(path.to_owned())).map(Some);
        }
        if let Some(key) = text_variable(KEY)? {
            return Self::new(key, KeySource::Variable).map(Some);
        }
        match variable(KEY_FILE).map(PathBuf::from) {
            Some(path) => Self::read(&path, KeySource::FileVariable(path.clone())).map(Some),
            None => Ok(None),
        }
    }

    /// Accepts a key.
    ///
    /// # Errors
    /// It is empty, or contains a character that a header cannot contain.
    pub fn new(key: String, source: KeySource) -> Result<Self> {
        if key.is_empty() {
            return Err(Error::ServerKey(source, "contains no key"));
        }
        // RFC 9110, section 5.5: visible ASCII and blanks.
        if !key.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) {
            return Err(Error::ServerKey(source, NOT_ALLOWED));
        }
        Ok(Self { key, source })
    }

    /// Reads the first line of a file, which must be the only one.
    fn read(path: &Path, source: KeySource) -> Result<Self> {
        let input = |error| Error::Input {
            path: path.to_owned(),
            source: error,
        };
        let bytes = read_bounded(path, FILE_BYTES_MAX).map_err(input)?;
        let text = decode(bytes).map_err(|_| Error::ServerKey(source.clone(), NOT_ALLOWED))?;
        Self::new(text.trim_end_matches(['\r', '\n']).to_owned(), source)
    }

    /// Returns the key.
    pub fn expose(&self) -> &str {
        &self.key
    }

    /// Returns the origin.
    pub fn source(&self) -> &KeySource {
        &self.source
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(path) | Self::FileVariable(path) => write!(f, "{path:?}"),
            Self::Variable => f.write_str(KEY),
            Self::Login(url) => write!(f, "the login for {url}"),
            Self::Input => f.write_str("the input"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_has_one_line_with_the_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        for (text, key) in [
            ("geheim", Some("geheim")),
            ("geheim\r\n", Some("geheim")),
            ("\u{feff}a b\n\n", Some("a b")),
            ("", None),
            ("\n", None),
            ("one\ntwo", None),
            ("a\0", None),
        ] {
            std::fs::write(&path, text).unwrap();
            let read = ServerKey::read(&path, KeySource::Flag(path.clone()));
            assert_eq!(read.as_ref().ok().map(ServerKey::expose), key, "{text:?}");
            if let Err(error) = read {
                assert!(!error.to_string().contains("one"), "{error}");
            }
        }
    }
}
