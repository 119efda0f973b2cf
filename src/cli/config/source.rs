//! The source of a setting.

use std::fmt;
use std::path::PathBuf;

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

/// `--port`, `WASMSTORE_PORT` or `wasmstore.toml:3`.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Variable(name) => f.write_str(name),
            Self::Line(file, line) => write!(f, "{}:{line}", file.display()),
        }
    }
}
