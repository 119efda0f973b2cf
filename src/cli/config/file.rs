//! The configuration file, `wasmstore.toml`.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::ConfigError;
use super::file_value::FileValue;
use super::source::Source;
use super::value_types::{AtLeast, Interval, Seconds, TlsFiles, WriteHandling};
use crate::bucket::BucketUrl;
use crate::cli::color::ColorChoice;
use crate::cli::exposed_file::is_readable_by_others;
use crate::cli::root_setting::RootSetting;
use crate::cli::secret::Secret;
use crate::cli::store_location::StoreLocation;
use crate::cli::text_file::decode;
use crate::http::{AllowedHost, BasePath, ListenAddress, TrustedProxy, read_bounded_regular_file};
use crate::names::{BranchName, Cutoff, RemoteUrl, ServerUrl, nearest, redact};

/// The maximum size of a configuration file, in bytes.
const BYTES_MAX: u64 = 1 << 20;

/// The maximum length of an unknown key that an error repeats, in bytes.
const NAME_BYTES_MAX: usize = 40;

/// The key of the file whose value is secret as a whole: it contains API keys.
const SECRET_KEY: &str = "auth";

/// The value of a key in the configuration file, with its position; `None` if the file does not have the key.
pub(super) type Key<T> = Option<Spanned<FileValue<T>>>;

/// The keys and values of the configuration file. Each key is the long name of a flag of `server`.
#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct FileSettings {
    pub host: Key<String>,
    pub port: Key<u16>,
    pub listen: Key<Vec<ListenAddress>>,
    pub base_path: Key<BasePath>,
    pub allowed_host: Key<Vec<AllowedHost>>,
    pub trusted_proxy: Key<Vec<TrustedProxy>>,
    pub auth: Key<Secret>,
    pub auth_file: Key<PathBuf>,
    pub cors: Key<bool>,
    pub no_web: Key<bool>,
    pub tls: Key<TlsFiles>,
    pub mirror: Key<Vec<RemoteUrl>>,
    pub log_json: Key<bool>,
    pub replica_of: Key<ServerUrl>,
    pub replica_changes: Key<WriteHandling>,
    pub replica_poll: Key<Seconds>,
    pub bucket: Key<BucketUrl>,
    pub peer_url: Key<ServerUrl>,
    pub bucket_poll: Key<Seconds>,
    pub bucket_write_interval: Key<Seconds>,
    pub gc_every: Key<Interval>,
    pub gc_squash: Key<bool>,
    pub gc_keep_last: Key<usize>,
    pub gc_keep_since: Key<Cutoff>,
    pub gc_keep_tags: Key<bool>,
    pub verify_every: Key<Interval>,
    pub max_module_bytes: Key<AtLeast<8>>,
    pub max_section_bytes: Key<u32>,
    pub max_validation_fuel: Key<AtLeast<1>>,
    pub max_connections: Key<usize>,
    pub max_sockets: Key<usize>,
    pub max_requests: Key<usize>,
    pub request_wait: Key<Seconds>,
    pub header_timeout: Key<Seconds>,
    pub idle_timeout: Key<Seconds>,
    pub body_timeout: Key<Seconds>,
    pub min_body_bytes: Key<AtLeast<1>>,
    pub shutdown_grace: Key<Seconds>,
    pub drain: Key<Seconds>,
    pub max_wrong_keys: Key<usize>,
    pub session_age: Key<Seconds>,
    pub ping_interval: Key<Seconds>,
    pub max_socket_message_bytes: Key<usize>,
    pub max_push_paths: Key<AtLeast<1>>,
    pub max_push_path_bytes: Key<AtLeast<1>>,
    pub max_tree_path_bytes: Key<AtLeast<1>>,
    pub oci_keep: Key<u32>,
    pub portable_names: Key<bool>,
    pub mirror_timeout: Key<Seconds>,
    pub cache_mib: Key<u32>,
    pub spool_mib: Key<u32>,
    pub memory_mib: Key<AtLeast<8>>,
    pub compressed_mib: Key<u32>,
    pub max_compressible_bytes: Key<AtLeast<0>>,
    pub max_git_services: Key<usize>,
    pub git_timeout: Key<Seconds>,
    pub git_read_timeout: Key<Seconds>,
    pub git_memory_mib: Key<u32>,
    pub git_cpu: Key<AtLeast<0>>,
    pub max_fetch_bytes: Key<AtLeast<4>>,
    pub max_push_bytes: Key<AtLeast<4>>,
    pub root: Key<RootSetting>,
    pub branch: Key<BranchName>,
    pub verbose: Key<u8>,
    pub quiet: Key<bool>,
    pub color: Key<ColorChoice>,
}

/// A parsed configuration file.
#[derive(Default)]
pub(super) struct ConfigFile {
    path: PathBuf,
    text: String,
    pub settings: FileSettings,
    /// Whether the file contains secrets and other users can read it.
    pub is_exposed: bool,
}

impl ConfigFile {
    /// Reads the configuration file at `path`. Validates every value, even if a flag or a variable overrides it. `names` are the known
    /// keys.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, or has an unknown key or an invalid value. The error gives the line, and no secret.
    pub fn read(path: &Path, names: &[String]) -> Result<Self, ConfigError> {
        let (bytes, is_readable_by_others) = load(path)?;
        let text = decode(bytes.clone()).map_err(|error| {
            let before = &bytes[..error.valid_bytes];
            invalid(path, before, error.description.to_owned())
        })?;
        let (settings, has_secret) = parse(path, &text, names)?;
        Ok(Self {
            path: path.to_owned(),
            text,
            settings,
            is_exposed: is_readable_by_others && has_secret,
        })
    }

    /// Returns the line of a value that begins at this byte offset of the file.
    pub fn source_at(&self, offset: usize) -> Source {
        line_after(&self.path, &self.text.as_bytes()[..offset])
    }
}

/// Parses the text of a configuration file, for the fuzz target `configuration`. Returns the error's text.
#[cfg(fuzzing)]
pub fn parse_configuration(text: &str) -> Result<(), String> {
    let names = super::server_args::ServerArgs::setting_names();
    match parse(Path::new("wasmstore.toml"), text, &names) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// Parses the text; returns the settings, and whether one of them is or contains a secret.
fn parse(path: &Path, text: &str, names: &[String]) -> Result<(FileSettings, bool), ConfigError> {
    let fail = |offset: usize, fault| Err(invalid(path, &text.as_bytes()[..offset], fault));
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        // The `Display` of the parser's error quotes the line, which may contain a secret. Its `message` does not.
        Err(error) => {
            let offset = error.span().map_or(0, |span| span.start);
            let key = key_on_line(text, offset, names).map(|key| format!("`{key}`: "));
            return fail(offset, key.unwrap_or_default() + error.message());
        }
    };
    let has_secret = table
        .get_ref()
        .iter()
        .any(|(key, value)| key.get_ref() == SECRET_KEY || has_secret(value.get_ref()));
    let keys: Vec<_> = table
        .get_ref()
        .iter()
        .map(|(key, value)| (key.get_ref().to_string(), key.span(), value.span()))
        .collect();
    match FileSettings::deserialize(toml::de::Deserializer::from(table)) {
        Ok(mut settings) => {
            settings.resolve_paths(path.parent().unwrap_or(Path::new("")));
            Ok((settings, has_secret))
        }
        Err(error) => match key_of(&error, &keys) {
            Some((key, span)) if names.contains(key) => {
                fail(span.start, format!("`{key}` {}", error.message()))
            }
            Some((key, span)) => fail(span.start, unknown_key(key, names)),
            None => fail(0, error.message().to_owned()),
        },
    }
}

impl FileSettings {
    /// Makes relative paths relative to `directory`, the directory of the configuration file.
    fn resolve_paths(&mut self, directory: &Path) {
        if let Some(auth_file) = &mut self.auth_file {
            let FileValue(path) = auth_file.get_mut();
            *path = directory.join(&path);
        }
        if let Some(tls) = &mut self.tls {
            let FileValue(TlsFiles { key, certificate }) = tls.get_mut();
            *key = directory.join(&key);
            *certificate = directory.join(&certificate);
        }
        if let Some(listen) = &mut self.listen {
            for address in &mut listen.get_mut().0 {
                if let ListenAddress::Unix(path) = address {
                    *path = directory.join(&path);
                }
            }
        }
        if let Some(root) = &mut self.root
            && let FileValue(RootSetting::Location(StoreLocation::Directory(path))) = root.get_mut()
        {
            *path = directory.join(&path);
        }
    }
}

/// Returns the key in whose name or value the parser found an error, and the position of the key in the file.
fn key_of<'k>(
    error: &toml::de::Error,
    keys: &'k [(String, Range<usize>, Range<usize>)],
) -> Option<(&'k String, &'k Range<usize>)> {
    let offset = error.span()?.start;
    let is_in = |(_, key, value): &&(String, Range<usize>, Range<usize>)| {
        key.contains(&offset) || value.contains(&offset)
    };
    keys.iter().find(is_in).map(|(key, span, _)| (key, span))
}

fn invalid(path: &Path, before: &[u8], fault: String) -> ConfigError {
    ConfigError::Invalid {
        origin: line_after(path, before),
        fault,
    }
}

/// Returns the line at which the part `before` of the configuration file ends. `before` begins with the first byte of the file.
fn line_after(path: &Path, before: &[u8]) -> Source {
    let lines = before.iter().filter(|byte| **byte == b'\n').count();
    Source::Line(path.to_owned(), lines + 1)
}

/// Reads the configuration file. Returns its bytes, and whether other users can read it.
fn load(path: &Path) -> Result<(Vec<u8>, bool), ConfigError> {
    let failed = |source| ConfigError::Read {
        path: path.to_owned(),
        source,
    };
    let metadata = fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        return Err(ConfigError::NotAFile(path.to_owned()));
    }
    match read_bounded_regular_file(path, BYTES_MAX) {
        Ok(bytes) => Ok((bytes, is_readable_by_others(&metadata))),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Err(ConfigError::TooLarge {
            path: path.to_owned(),
            bytes_max: BYTES_MAX,
        }),
        Err(source) => Err(failed(source)),
    }
}

/// Returns the key on the line at `offset`, if it is a known key. Other text on this line is not returned, because it may be a secret.
fn key_on_line<'n>(text: &str, offset: usize, names: &'n [String]) -> Option<&'n String> {
    let mut before = text.bytes().take(offset);
    let begin = before.rposition(|byte| byte == b'\n');
    let line = text[begin.map_or(0, |newline| newline + 1)..]
        .lines()
        .next()?;
    let key = line.split('=').next()?.trim().trim_matches('"');
    names.iter().find(|name| *name == key)
}

fn unknown_key(key: &str, names: &[String]) -> String {
    // A key that does not look like a flag may be a secret that was written as a key.
    let is_flag_char = |c: char| c.is_ascii_alphabetic() || matches!(c, '-' | '_');
    let shown = if key.len() <= NAME_BYTES_MAX && key.chars().all(is_flag_char) {
        format!("unknown key `{key}`")
    } else {
        "unknown key".to_owned()
    };
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    match nearest(key, &names) {
        Some(similar) => format!("{shown}: did you mean `{similar}`?"),
        None => format!("{shown}: the keys are the long names of the flags of `server`"),
    }
}

fn has_secret(value: &DeValue<'_>) -> bool {
    match value {
        DeValue::String(text) => redact(text) != *text,
        DeValue::Array(values) => values.iter().any(|value| has_secret(value.get_ref())),
        _ => false,
    }
}
