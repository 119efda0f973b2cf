//! The errors of reading and combining the settings of a server.

use std::io;
use std::path::PathBuf;

use super::source::Source;
use crate::names;

/// A configuration that cannot be used. The text contains no secret.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum ConfigError {
    /// The configuration file cannot be read.
    #[error("cannot read {path:?}")]
    Read {
        /// The path of the configuration file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The path of the configuration file names a directory, a pipe or a device.
    #[error("{0:?} is not a regular file")]
    NotAFile(PathBuf),
    /// The configuration file is larger than the limit, which is far above the size of any real configuration.
    #[error("configuration file {path:?} is larger than {bytes_max} bytes")]
    TooLarge {
        /// The path of the configuration file.
        path: PathBuf,
        /// The maximum size, in bytes.
        bytes_max: u64,
    },
    /// A setting is invalid.
    #[error("{origin}: {fault}")]
    Invalid {
        /// The flag, variable or line that contains the setting.
        origin: Source,
        /// The fault. If the setting is on a line of the file, this text also names the key.
        fault: String,
    },
    /// A variable contains a malformed name.
    #[error("{variable}")]
    Name {
        /// The name of the variable.
        variable: &'static str,
        /// Why the name is malformed.
        source: names::Error,
    },
}
