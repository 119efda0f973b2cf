//! The API key that a command sends to a server, and its source.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Once;

use super::environment::{text_variable, variable};
use super::exit::{Error, Result};
use super::exposed_file::warn_if_readable_by_others;
use super::logins::Logins;
use super::text_file::decode;
use crate::http::read_bounded;
use crate::names::ServerUrl;

/// The environment variable that contains the API key.
const KEY: &str = "WASMSTORE_KEY";
/// The environment variable that contains the path of a file with the API key.
const KEY_FILE: &str = "WASMSTORE_KEY_FILE";
/// The fault of a key that cannot be sent in an HTTP header, as part of an error message.
const NOT_ALLOWED: &str = "contains a character that is not allowed in a key";
/// The maximum size of a key file, in bytes.
const FILE_BYTES_MAX: u64 = 8 << 10;

/// An API key for a server. There is no `Debug` for it, and errors do not contain it.
pub(super) struct ServerKey {
    key: String,
    source: KeySource,
}

/// The source of an API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KeySource {
    /// The file that the flag `--key-file` names.
    Flag(PathBuf),
    /// `WASMSTORE_KEY`.
    Variable,
    /// The file that `WASMSTORE_KEY_FILE` names.
    FileVariable(PathBuf),
    /// The key that `login` saved for the server at this URL.
    Login(ServerUrl),
    /// Standard input or a prompt.
    Input,
}

impl ServerKey {
    /// Returns the API key for the server at `url`, from the first source that is present: `--key-file`, `WASMSTORE_KEY`, the file that
    /// `WASMSTORE_KEY_FILE` names, or the login for the server.
    ///
    /// # Errors
    /// The first source that is present cannot be read, or its key is invalid.
    pub fn find(flag: Option<&Path>, url: &ServerUrl) -> Result<Option<Self>> {
        if let Some(key) = Self::given(flag)? {
            return Ok(Some(key));
        }
        Self::of_login(url)
    }

    /// Returns the API key that `login` saved for the server at `url`; `None` if there is no login for it.
    pub fn of_login(url: &ServerUrl) -> Result<Option<Self>> {
        let logins = Logins::read()?;
        let login = logins.find(url).map(|login| {
            let source = KeySource::Login(login.url().clone());
            Self::new(login.expose_key().to_owned(), source)
        });
        login.transpose()
    }

    /// Returns the API key in the file `flag`, or else the one that an environment variable gives. A key from these sources is sent to
    /// whichever server the command uses.
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

    /// Checks a key.
    ///
    /// # Errors
    /// The key is empty, or contains a character that is not allowed in an HTTP header.
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

    /// Reads a key from a file, which must have exactly one line.
    fn read(path: &Path, source: KeySource) -> Result<Self> {
        // One command may read the key several times, but must print the warning only once.
        static WARNING: Once = Once::new();
        WARNING.call_once(|| warn_if_readable_by_others(path, "a key"));
        let input = |error| Error::Input {
            path: path.to_owned(),
            source: error,
        };
        let bytes = read_bounded(path, FILE_BYTES_MAX).map_err(input)?;
        let text = decode(bytes).map_err(|_| Error::ServerKey(source.clone(), NOT_ALLOWED))?;
        Self::new(text.trim_end_matches(['\r', '\n']).to_owned(), source)
    }

    /// Returns the API key, which is a secret.
    pub fn expose(&self) -> &str {
        &self.key
    }

    /// Returns the source of the key.
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
