//! What the server needs of its settings beside limits: where it listens, its keys and its certificate.

use std::fs;
use std::path::PathBuf;

use super::commands::Server;
use super::exit::{Error, Result};
use crate::http::{Keys, Tls};

/// Where the server listens, if nobody says so.
const DEFAULT_HOST: &str = "127.0.0.1";
const DEFAULT_PORT: u16 = 6384;

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
pub(super) fn address(server: &Server) -> (&str, u16) {
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
pub(super) fn keys(server: &Server) -> Result<Option<Keys>> {
    match server.layers.read_again()? {
        Some(fresh) => keys_of(&fresh),
        None => keys_of(server),
    }
}

fn keys_of(server: &Server) -> Result<Option<Keys>> {
    let layers = &server.layers;
    let listed = server.auth.as_ref();
    let listed = listed.map(|keys| Keys::parse(keys.expose())).transpose();
    let listed = listed.map_err(|error| layers.blame("auth", error.into()))?;
    let Some(path) = &server.auth_file else {
        return Ok(listed);
    };
    let blame = |error| layers.blame("auth-file", error);
    let text = fs::read_to_string(path).map_err(|source| {
        blame(Error::Input {
            path: path.clone(),
            source,
        })
    })?;
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

/// The private key and its certificate, if TLS is asked for.
///
/// # Errors
/// A file is missing or unusable, or they do not match.
pub(super) fn tls(server: &Server) -> Result<Option<Tls>> {
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

    use super::*;
    use crate::cli::args::Command;
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
        let told = || keys(&server).map(|keys| format!("{:?}", keys.unwrap()));
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
