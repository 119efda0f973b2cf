//! What the server needs of its settings beside limits: where it listens, its keys and its certificate.

use std::io;
use std::path::{Path, PathBuf};

use super::commands::ServerArgs;
use super::exit::{Error, Result};
use crate::http::{Keys, Tls, read_bounded, read_bounded_regular_file};

/// Where the server listens, if nobody says so.
const DEFAULT_HOST: &str = "127.0.0.1";
const DEFAULT_PORT: u16 = 6384;

/// The most that is read of a file of keys.
const KEY_FILE_BYTES_MAX: u64 = 1 << 20;

/// What is done with a file of keys that is a pipe, as `<(…)` of a shell: it can be read once, and has the reader wait.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pipes {
    /// It is read, as at a start.
    Read,
    /// It is refused, where nobody may have to wait.
    Refuse,
}

/// The files of a private key and its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TlsFiles {
    pub key: PathBuf,
    pub certificate: PathBuf,
}

impl TlsFiles {
    /// Reads `KEY_FILE,CERT_FILE`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text.split_once(',') {
            Some((key, certificate)) if !key.is_empty() && !certificate.is_empty() => Ok(Self {
                key: key.into(),
                certificate: certificate.into(),
            }),
            _ => Err("TLS needs two files: KEY_FILE,CERT_FILE"),
        }
    }
}

/// The address to listen on, and the port.
pub(super) fn address(server: &ServerArgs) -> (&str, u16) {
    (
        server.host.as_deref().unwrap_or(DEFAULT_HOST),
        server.port.unwrap_or(DEFAULT_PORT),
    )
}

/// The keys, read anew each time: what the files have now counts, that of the configuration included, where the keys or the name
/// of their file come from there. `None` if there are none to be had.
///
/// # Errors
/// A file cannot be read; the keys are malformed; the configuration is.
pub(super) fn keys(server: &ServerArgs, pipes: Pipes) -> Result<Option<Keys>> {
    match server.layers.read_again()? {
        Some(fresh) => keys_of(&fresh, pipes),
        None => keys_of(server, pipes),
    }
}

fn keys_of(server: &ServerArgs, pipes: Pipes) -> Result<Option<Keys>> {
    let layers = &server.layers;
    let listed = server.auth.as_ref();
    let listed = listed.map(|keys| Keys::parse(keys.expose())).transpose();
    let listed = listed.map_err(|error| layers.blame("auth", error.into()))?;
    let Some(path) = &server.auth_file else {
        return Ok(listed);
    };
    let blame = |error| layers.blame("auth-file", error);
    let text = key_file(path, pipes).map_err(blame)?;
    let filed = Keys::parse_file(&text).map_err(|source| Error::KeyFile {
        path: path.clone(),
        source,
    });
    let filed = filed.map_err(blame)?;
    match listed {
        Some(listed) => Ok(Some(
            listed.and(filed).map_err(|error| blame(error.into()))?,
        )),
        None => Ok(Some(filed)),
    }
}

/// What is in a file of keys. Keys in the place of its name are not repeated.
fn key_file(path: &Path, pipes: Pipes) -> Result<String> {
    let read = match pipes {
        Pipes::Read => read_bounded(path, KEY_FILE_BYTES_MAX),
        Pipes::Refuse => read_bounded_regular_file(path, KEY_FILE_BYTES_MAX),
    };
    let text = read.and_then(|bytes| {
        let no_text = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8");
        String::from_utf8(bytes).map_err(no_text)
    });
    text.map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename
            if looks_like_keys(path) =>
        {
            Error::KeysForFile
        }
        _ => Error::Input {
            path: path.to_owned(),
            source,
        },
    })
}

fn looks_like_keys(path: &Path) -> bool {
    let text = path.to_str();
    text.is_some_and(|text| Keys::parse(text).is_ok() || Keys::parse_file(text).is_ok())
}

/// The private key and its certificate, if TLS is asked for.
///
/// # Errors
/// A file is missing or unusable, or they do not match.
pub(super) fn tls(server: &ServerArgs) -> Result<Option<Tls>> {
    let Some(files) = &server.tls else {
        return Ok(None);
    };
    let loaded = Tls::load(&files.key, &files.certificate);
    let loaded = loaded.map_err(|error| server.layers.blame("tls", error.into()))?;
    Ok(Some(loaded))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;

    use super::*;
    use crate::cli::commands::Command;
    use crate::cli::config;

    #[test]
    fn keys_are_read_anew_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("keys", "a:GET\n");
        write("wasmstore.toml", "auth-file = 'keys'\n");
        let path = folder.path().join("wasmstore.toml");
        let args = ["wasmstore", "server", "--config"].map(OsString::from);
        let args = args.into_iter().chain([path.into()]).collect();
        let Some(Command::Server(server)) = config::read(args).unwrap().command else {
            panic!("no server");
        };
        let told = || keys(&server, Pipes::Refuse).map(|keys| format!("{:?}", keys.unwrap()));
        assert_eq!(told().unwrap(), "Keys { count: 1, .. }");
        write("keys", "a:GET\nb:*\n");
        assert_eq!(told().unwrap(), "Keys { count: 2, .. }");
        write("wasmstore.toml", "auth-file = 'keys'\nauth = 'c:*'\n");
        assert_eq!(told().unwrap(), "Keys { count: 3, .. }");
        write("wasmstore.toml", "auth-file = 'keys'\nauth = 's3cr3t'\n");
        let error = told().unwrap_err();
        assert!(!error.chain().contains("s3cr3t"), "{error}");
        write("wasmstore.toml", "auth-file = 1");
        assert_eq!(told().unwrap_err().code(), 2);
    }
}
