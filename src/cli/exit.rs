//! What can go wrong on the command line, and which exit code says so.

use std::io;
use std::path::PathBuf;

use super::config;
use crate::http::{KeyError, TlsError};
use crate::names::{self, ServerUrl};
use crate::remote;
use crate::store::{self, ErrorKind};

/// Not found, unreadable input, or any failure that has no code of its own.
const FAILED: u8 = 1;
/// The command line cannot be parsed.
pub(super) const USAGE: u8 = 2;
/// An invalid module, or a malformed name.
const INVALID: u8 = 3;
/// The request contradicts what is there.
const CONFLICT: u8 = 4;
/// The store cannot be opened, read, written or reached.
const UNAVAILABLE: u8 = 5;

/// A command that failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The arguments do not go together in a way that clap cannot see.
    #[error("{0}")]
    Usage(&'static str),
    /// An environment variable is not UTF-8.
    #[error("the variable {0} is not UTF-8")]
    Variable(&'static str),
    /// An environment variable is no number.
    #[error("the variable {0} is not a number")]
    Number(&'static str),
    /// A name is malformed.
    #[error(transparent)]
    Name(#[from] names::Error),
    /// A folder, where `--recursive` was not given.
    #[error("{0} is a directory: give --recursive to remove everything in it")]
    NotRecursive(String),
    /// There is nothing to change yet.
    #[error("there is no store at {0:?} yet")]
    NoStore(PathBuf),
    /// The command needs the store's folder, and the store is served elsewhere.
    #[error(
        "this command works on the store's folder: run it on the machine of {0}, with --root DIR"
    )]
    Elsewhere(ServerUrl),
    /// A file whose name cannot be a path, and no path was given.
    #[error("the name of {0:?} cannot be a path: name one")]
    FileName(PathBuf),
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A server, a mirror, or the source of a store, refused or failed.
    #[error(transparent)]
    Remote(remote::Error),
    /// An input file cannot be read.
    #[error("cannot read {path:?}")]
    Input {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A module could not be read to its end.
    #[error("cannot read the module")]
    Interrupted(#[source] io::Error),
    /// A file named for the output cannot be written.
    #[error("cannot write {path:?}")]
    OutputFile {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// Standard output cannot be written.
    #[error("cannot write the output")]
    Output(#[source] io::Error),
    /// Whoever read standard output has seen enough: no failure.
    #[error("the output was closed")]
    Closed,
    /// The keys of the server are malformed.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// A file of keys is malformed.
    #[error("{path:?}")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with which line.
        source: KeyError,
    },
    /// Keys where the name of their file belongs.
    #[error("there is no such file, and its name looks like keys: those belong to `auth`")]
    KeysForFile,
    /// The settings of the server are refused.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// A setting of the server that does not stand on the command line cannot be used.
    #[error("{place}")]
    Set {
        /// The variable, or the file, the line and the key.
        place: String,
        /// What is wrong with it.
        source: Box<Error>,
    },
    /// A folder in which the server has to write cannot be written.
    #[error("cannot write in {path:?}")]
    Unwritable {
        /// The folder.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The server's certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The server's address cannot be listened on.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: String,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The system grants the server no threads or signals.
    #[error("cannot start the server")]
    Runtime(#[source] io::Error),
    /// The check of a store found something wrong.
    #[error("{} in this store", match .0 { 1 => "1 thing is wrong".to_owned(), n => format!("{n} things are wrong") })]
    Faults(usize),
    /// A push was refused, for reasons that were told before.
    #[error("the push is refused: {} wrong", match .0 { 1 => "1 thing is".to_owned(), n => format!("{n} things are") })]
    Refused(usize),
    /// No root was named, and there is no home folder for the default one.
    #[error("HOME is not set: name the store's folder with --root or WASMSTORE_ROOT")]
    NoHome,
    /// The store has the other object format.
    #[error("{root:?} is a {format} store already")]
    ObjectFormat {
        /// The store.
        root: PathBuf,
        /// Its format.
        format: &'static str,
    },
}

/// Where the store is makes no difference to what it says.
impl From<remote::Error> for Error {
    fn from(error: remote::Error) -> Self {
        match error {
            remote::Error::Store(error) => Self::Store(error),
            error => Self::Remote(error),
        }
    }
}

/// A result of the command line.
pub(super) type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The exit code that says what kind of failure this is.
    pub fn code(&self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::NoStore(_) | Self::Input { .. } | Self::OutputFile { .. } | Self::Output(_) => {
                FAILED
            }
            Self::Tls(_) | Self::Bind { .. } | Self::Runtime(_) => FAILED,
            Self::Usage(_) | Self::Variable(_) | Self::Number(_) => USAGE,
            Self::Keys(_) | Self::KeyFile { .. } | Self::KeysForFile => USAGE,
            Self::Config(error) => config_code(error),
            Self::Set { source, .. } => source.code(),
            Self::Unwritable { .. } => UNAVAILABLE,
            Self::Elsewhere(_) => USAGE,
            Self::Name(_) | Self::FileName(_) => INVALID,
            Self::ObjectFormat { .. } | Self::NotRecursive(_) => CONFLICT,
            Self::NoHome | Self::Faults(_) | Self::Interrupted(_) => UNAVAILABLE,
            Self::Refused(_) => CONFLICT,
            Self::Store(error) => code(error.kind()),
            Self::Remote(error) => remote_code(error),
        }
    }

    /// The error and its causes, joined by colons.
    pub fn chain(&self) -> String {
        store::chain(self)
    }
}

fn config_code(error: &config::Error) -> u8 {
    use config::Error as E;
    match error {
        E::Read { .. } | E::NoFile(_) | E::TooLarge { .. } => FAILED,
        E::Arguments(_) | E::Malformed { .. } => USAGE,
        E::Name { .. } => INVALID,
    }
}

fn remote_code(error: &remote::Error) -> u8 {
    use remote::Error as E;
    match error {
        E::UnknownMirror(_) => FAILED,
        E::MirrorExists(_) | E::UnrelatedRepository { .. } => CONFLICT,
        E::NoGit | E::Git(_) | E::GitRemote { .. } | E::HookProtocol(_) => UNAVAILABLE,
        E::MirrorRemoved(_) | E::MirrorBusy(_) | E::MirrorPushes { .. } => UNAVAILABLE,
        E::Store(error) => code(error.kind()),
        E::Refused(refused) => code(refused.kind()),
        E::InvalidKey => USAGE,
        E::Unreachable { .. } | E::InvalidResponse { .. } => UNAVAILABLE,
    }
}

fn code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::NotFound | ErrorKind::Input => FAILED,
        ErrorKind::InvalidModule | ErrorKind::TooLarge | ErrorKind::Malformed => INVALID,
        ErrorKind::Conflict | ErrorKind::Precondition => CONFLICT,
        ErrorKind::Busy | ErrorKind::Full | ErrorKind::Unavailable => UNAVAILABLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_the_store_has_its_code() {
        for (kind, wanted) in [
            (ErrorKind::NotFound, 1),
            (ErrorKind::Input, 1),
            (ErrorKind::InvalidModule, 3),
            (ErrorKind::TooLarge, 3),
            (ErrorKind::Malformed, 3),
            (ErrorKind::Conflict, 4),
            (ErrorKind::Precondition, 4),
            (ErrorKind::Busy, 5),
            (ErrorKind::Full, 5),
            (ErrorKind::Unavailable, 5),
        ] {
            assert_eq!(code(kind), wanted, "{kind:?}");
        }
    }

    #[test]
    fn the_chain_tells_every_cause_once() {
        let source = store::Error::File {
            action: "read",
            path: "a".into(),
            source: io::Error::other("gone"),
        };
        assert_eq!(Error::Store(source).chain(), "cannot read \"a\": gone");
        let output = Error::Output(io::Error::other("no room"));
        assert_eq!(output.chain(), "cannot write the output: no room");
    }
}
