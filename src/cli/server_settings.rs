//! Reads the API keys and the TLS certificate of the server.

use std::io;
use std::path::Path;

use super::config::{self, ServerArgs};
use super::exit::{Error, Result};
use super::exposed_file::warn_if_readable_by_others;
use super::text_file::{NotUtf8, decode};
use crate::http::{Keys, Tls, read_bounded, read_bounded_regular_file};

/// The maximum size of the server's key file, in bytes.
const KEY_FILE_BYTES_MAX: u64 = 1 << 20;

/// How to handle a key file that is a pipe, such as `<(…)` in a shell. A pipe can be read only once, and may block its reader.
#[derive(Clone, Copy, Debug)]
pub(super) enum PipeHandling {
    /// Read the keys from the pipe. A server does so when it starts.
    Read,
    /// Return an error. `server --check` and a reload of the keys do so.
    Refuse,
}

/// Reads the server's API keys; `None` if no keys are configured. Each call reads the key file again. It also reads the configuration file
/// again, because that may contain keys or the name of the key file. Logs a warning for each key with an unknown method.
///
/// # Errors
/// A file cannot be read; the keys or the configuration are malformed.
pub(super) fn read_keys(server: &ServerArgs, pipes: PipeHandling) -> Result<Option<Keys>> {
    match &server.flags {
        Some(flags) if server.sources.file.is_some() => {
            let (server, _) = config::resolve(flags)?;
            keys_of(&server, pipes)
        }
        _ => keys_of(server, pipes),
    }
}

/// Warns if other users can read the key file or the private key of TLS.
pub(super) fn warn_if_keys_are_exposed(server: &ServerArgs) {
    if let Some(path) = &server.auth_file {
        warn_if_readable_by_others(path, "keys");
    }
    // The wrong file, such as the certificate, is reported as such and need not be secret.
    let is_key = |path: &Path| {
        let bytes = read_bounded_regular_file(path, KEY_FILE_BYTES_MAX).unwrap_or_default();
        String::from_utf8_lossy(&bytes).contains("PRIVATE KEY-")
    };
    if let Some(files) = server.tls.as_ref().filter(|files| is_key(&files.key)) {
        warn_if_readable_by_others(&files.key, "a private key");
    }
}

fn keys_of(server: &ServerArgs, pipes: PipeHandling) -> Result<Option<Keys>> {
    let sources = &server.sources;
    let keys = server.auth.as_ref();
    let keys = keys.map(|keys| Keys::parse(keys.expose())).transpose();
    let keys = keys.map_err(|error| sources.attribute("auth", error.into()))?;
    for warning in keys.iter().flat_map(Keys::warnings) {
        tracing::warn!("{warning}");
    }
    let Some(path) = &server.auth_file else {
        return Ok(keys);
    };
    let attribute = |error| sources.attribute("auth-file", error);
    let text = read_key_file(path, pipes).map_err(attribute)?;
    let file_keys = Keys::parse_file(&text).map_err(|source| {
        let path = path.clone();
        attribute(Error::KeyFile { path, source })
    })?;
    for warning in file_keys.warnings() {
        tracing::warn!("{path:?}: {warning}");
    }
    let Some(keys) = keys else {
        return Ok(Some(file_keys));
    };
    let all = keys.and(file_keys);
    Ok(Some(all.map_err(|error| attribute(error.into()))?))
}

/// Reads the server's key file. If `path` is not the name of a file but looks like keys, the error does not repeat it.
fn read_key_file(path: &Path, pipes: PipeHandling) -> Result<String> {
    let read = match pipes {
        PipeHandling::Read => read_bounded(path, KEY_FILE_BYTES_MAX),
        PipeHandling::Refuse => read_bounded_regular_file(path, KEY_FILE_BYTES_MAX),
    };
    let text = read.and_then(|bytes| {
        let invalid = |error: NotUtf8| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("it is {}", error.description),
            )
        };
        decode(bytes).map_err(invalid)
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

/// Loads the private key and the certificate, if TLS is configured.
///
/// # Errors
/// A file is missing or invalid, or the key does not match the certificate.
pub(super) fn load_tls(server: &ServerArgs) -> Result<Option<Tls>> {
    let Some(files) = &server.tls else {
        return Ok(None);
    };
    let tls = Tls::load(&files.key, &files.certificate);
    let tls = tls.map_err(|error| server.sources.attribute("tls", error.into()))?;
    Ok(Some(tls))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use clap::{Args, Command, FromArgMatches};

    use super::*;
    use crate::cli::args::GlobalArgs;
    use crate::cli::config::ServerFlags;

    #[test]
    fn keys_are_read_again_with_each_call() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
        write("keys", "a:GET\n");
        write("wasmstore.toml", "auth-file = 'keys'\n");
        let path = directory.path().join("wasmstore.toml");
        let command = ServerArgs::augment_args(GlobalArgs::augment_args(Command::new("")));
        let args = ["server".as_ref(), "--config".as_ref(), path.as_os_str()];
        let matches = command.get_matches_from(args);
        let flags = ServerFlags {
            server: ServerArgs::from_arg_matches(&matches).unwrap(),
            globals: GlobalArgs::from_arg_matches(&matches).unwrap(),
            matches,
        };
        let (server, _) = config::resolve(&Arc::new(flags)).unwrap();
        let keys = || {
            let keys = read_keys(&server, PipeHandling::Refuse);
            keys.map(|keys| format!("{:?}", keys.unwrap()))
        };
        assert_eq!(keys().unwrap(), "Keys { count: 1, .. }");
        write("keys", "a:GET\nb:*\n");
        assert_eq!(keys().unwrap(), "Keys { count: 2, .. }");
        write("wasmstore.toml", "auth-file = 'keys'\nauth = 'c:*'\n");
        assert_eq!(keys().unwrap(), "Keys { count: 3, .. }");
        write("wasmstore.toml", "auth-file = 'keys'\nauth = 's3cr3t'\n");
        let error = keys().unwrap_err();
        assert!(!error.chain().contains("s3cr3t"), "{error}");
        write("wasmstore.toml", "auth-file = 1");
        assert_eq!(keys().unwrap_err().code(), 2);
    }
}
