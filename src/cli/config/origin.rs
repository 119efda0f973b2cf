//! Where a setting comes from.

use std::fmt;
use std::path::PathBuf;

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Origin {
    /// The command line; the flag's long name.
    Flag(String),
    /// The environment.
    Variable(&'static str),
    /// A line of the configuration file, counted from 1.
    Line(PathBuf, usize),
}

/// `--port`, `WASMSTORE_PORT` or `wasmstore.toml:3`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Variable(name) => f.write_str(name),
            Self::Line(file, line) => write!(f, "{}:{line}", file.display()),
        }
    }
}
