//! Errors of the configuration.

use std::io;
use std::path::PathBuf;

use super::source::Source;
use crate::names;

/// A configuration that cannot be used. The text contains no secret.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path:?}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The path names a directory, a pipe or a device.
    #[error("{0:?} is not a regular file")]
    NotAFile(PathBuf),
    /// The file is far larger than any configuration.
    #[error("configuration file {path:?} is larger than {bytes_max} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        bytes_max: u64,
    },
    /// A setting is invalid.
    #[error("{origin}: {fault}")]
    Invalid {
        /// The location of the setting.
        origin: Source,
        /// The fault; it names the key if the location is a line of the file.
        fault: String,
    },
    /// A variable contains a malformed name.
    #[error("{variable}")]
    Name {
        /// The variable.
        variable: &'static str,
        /// What is wrong with the name.
        source: names::Error,
    },
}
