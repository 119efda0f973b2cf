//! The source of each setting that was set: a flag, an environment variable, or a line of the configuration file.

use std::fmt;
use std::path::PathBuf;

use serde_json::Value;

use crate::cli::exit;

/// The flag, the variable or the line that sets a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Source {
    /// A flag, by its long name.
    Flag(String),
    /// An environment variable.
    Variable(&'static str),
    /// A line of the configuration file, counted from 1.
    Line(PathBuf, usize),
}

/// Formats the source like `--port`, `WASMSTORE_PORT` or `wasmstore.toml:3`.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Variable(name) => f.write_str(name),
            Self::Line(file, line) => write!(f, "{}:{line}", file.display()),
        }
    }
}

/// A setting that a flag, a variable or the file set.
#[derive(Clone, Debug)]
pub(in crate::cli) struct SourcedSetting {
    /// The name of the setting: the flag's long name.
    pub key: String,
    /// The value, without secrets.
    pub value: Value,
    /// The flag, the variable or the line that sets it.
    pub source: Source,
}

/// The settings that were set, in the order of the flags. Settings that have their default value are not in the list.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct SettingSources {
    /// The configuration file, if there is one.
    pub file: Option<PathBuf>,
    /// Whether the configuration file contains secrets and other users can read it.
    pub is_exposed: bool,
    /// The settings that were set, each with its source.
    pub settings: Vec<SourcedSetting>,
}

impl SettingSources {
    /// Adds the source of a setting to an error that the setting caused. If the source is a flag, returns the error unchanged, because the
    /// user sees the flag on the command line.
    pub fn attribute(&self, key: &str, error: exit::Error) -> exit::Error {
        let setting = self.settings.iter().find(|setting| setting.key == key);
        let location = match setting.map(|setting| &setting.source) {
            None | Some(Source::Flag(_)) => return error,
            Some(Source::Variable(name)) => (*name).to_owned(),
            Some(line @ Source::Line(..)) => format!("{line}: `{key}`"),
        };
        exit::Error::Setting {
            location,
            source: Box::new(error),
        }
    }

    /// Warns if other users can read the secrets in the configuration file.
    pub fn warn_if_exposed(&self) {
        if let Some(file) = self.file.as_ref().filter(|_| self.is_exposed) {
            tracing::warn!(
                "{file:?} contains keys or passwords, and others can read it: run chmod 600"
            );
        }
    }
}
