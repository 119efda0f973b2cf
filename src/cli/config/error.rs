//! Why settings were refused.

use std::io;
use std::path::PathBuf;

use super::origin::Origin;
use crate::names;

/// Settings that were refused. No text here holds a secret: values that may be one are not repeated.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum Error {
    /// The command line itself; a plea for help is one too.
    #[error("{}", first_paragraph(.0))]
    Arguments(clap::Error),
    /// The file cannot be read.
    #[error("cannot read {path:?}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A folder, a pipe or a device.
    #[error("{0:?} is no regular file: name a configuration in TOML")]
    NoFile(PathBuf),
    /// The file is far larger than any configuration.
    #[error("{path:?} is no configuration: it is larger than {bytes_max} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        bytes_max: u64,
    },
    /// What stands at a place is not what belongs there.
    #[error("{origin}: {fault}")]
    Malformed {
        /// The place.
        origin: Origin,
        /// What is wrong, with which key.
        fault: String,
    },
    /// A variable holds a malformed name.
    #[error("{variable}")]
    Name {
        /// The variable.
        variable: &'static str,
        /// What is wrong with it.
        source: names::Error,
    },
}

/// What clap says is wrong, without the advice behind it.
pub(super) fn first_paragraph(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let paragraph = paragraph.trim_start_matches("error: ");
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}
