//! The errors of commands, and the exit code of each.

use std::io;
use std::path::PathBuf;

use super::config::ConfigError;
use super::server_key::KeySource;
use crate::bucket::InvalidBucketUrl;
use crate::http::{KeyError, TlsError};
use crate::names::{self, BranchName, ModulePath, ServerUrl};
use crate::remote;
use crate::store::{self, ErrorKind, QueryError, WitError};
use crate::wire::MissingName;

/// The exit code if something does not exist, if an input cannot be read, and for any failure that has no other code.
const FAILED: u8 = 1;
/// The exit code for an invalid command line or server configuration.
pub(super) const USAGE: u8 = 2;
/// The exit code for an invalid module or a malformed name.
const INVALID: u8 = 3;
/// The exit code for a conflict with the current content of the store.
const CONFLICT: u8 = 4;
/// The exit code if the store cannot be opened, read, written or reached.
const UNAVAILABLE: u8 = 5;

/// An error that ends a command.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The arguments contradict each other in a way that clap cannot check.
    #[error("{0}")]
    Usage(&'static str),
    /// An environment variable is not UTF-8.
    #[error("environment variable {0} is not UTF-8")]
    Variable(&'static str),
    /// An environment variable is not a number.
    #[error("environment variable {0} is not a number")]
    Number(&'static str),
    /// A path, hash, branch, commit or other name is malformed.
    #[error(transparent)]
    Name(#[from] names::Error),
    /// The URL of a bucket is malformed.
    #[error(transparent)]
    BucketUrl(#[from] InvalidBucketUrl),
    /// Conditional writes of a bucket are not atomic.
    #[error(
        "several servers cannot share {0}: its conditional writes are not atomic; `wasmstore bucket probe {0}` prints what was observed"
    )]
    NotAtomic(String),
    /// A search query is malformed.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// `remove` was called for a directory without `--recursive`.
    #[error("{0} is a directory: use --recursive to remove everything in it")]
    NotRecursive(String),
    /// Both sides of a merge changed the same paths.
    #[error("{error}")]
    MergeConflict {
        paths: Vec<String>,
        theirs: BranchName,
        error: Box<Self>,
    },
    /// Standard output is a terminal, which the bytes of this module could garble.
    #[error("{0} is binary, and standard output is a terminal")]
    BinaryToTerminal(String),
    /// The two sides of a diff cannot be compared with each other. Contains both arguments, then a description of each, such as `a module`.
    #[error("cannot compare {0} with {1}: the first is {2}, the second is {3}")]
    MixedDiff(String, String, &'static str, &'static str),
    /// `diff` got one argument that is not the path of a module. Contains the argument, and a description of it, such as `a file`.
    #[error("cannot compare {0} with the version before: it is {1}, not the path of a module")]
    OneSide(String, &'static str),
    /// `diff` got only a path, but the path has had only one module, so there is no older module to compare.
    #[error("{0} has only one version")]
    OnlyVersion(String),
    /// `diff --exit-code` found differences and has printed them.
    #[error("there are differences")]
    Differences,
    /// The last argument of `add` must be a directory of the store, but is the name of this file on disk.
    #[error(
        "the last of several arguments is the directory in the store, but {0:?} is a file: name the directory, with a slash at its end (`/` is the top)"
    )]
    FileAsDirectory(PathBuf),
    /// The second of two arguments of `add` is the path in the store, but is a module on disk whose name is not a legal path.
    #[error(
        "the second of two arguments is the path in the store, but {1:?} is a module on disk, like {0:?}"
    )]
    FileAsPath(PathBuf, PathBuf),
    /// There is no store in this directory, and the command does not create one.
    #[error("there is no store at {0:?} yet")]
    NoStore(PathBuf),
    /// This path never had a module. It is, or was, a directory.
    #[error("{0} is a directory, and never was a module")]
    NeverModule(String),
    /// A path has another module than `--if-absent` or `--if-match` expects, or none.
    #[error("{reason}")]
    UnexpectedModule {
        /// What is at the path.
        reason: String,
        /// What to do.
        hint: Option<String>,
    },
    /// There is no store in this directory, so none is verified.
    #[error("there is no store at {0:?} to verify")]
    NoStoreToVerify(PathBuf),
    /// `mirror push` was called for all mirrors, but the store has none.
    #[error("the store has no mirror to push to")]
    NoMirror,
    /// The command works only on a store in a local directory, but the selected store is on this server.
    #[error(
        "this command needs the store's directory: run it on the machine of {0}, with --root DIR"
    )]
    NeedsDirectory(ServerUrl),
    /// The API key for a server cannot be used. Contains the source of the key and the fault.
    #[error("{0} {1}")]
    ServerKey(KeySource, &'static str),
    /// Other users can read this file, which contains the API keys that `login` saved.
    #[error("{0:?} contains keys, and other users can read it")]
    ExposedKey(PathBuf),
    /// The file with the API keys that `login` saved is malformed.
    #[error("{path:?} is malformed in line {line}")]
    LoginFile {
        /// The path of the login file.
        path: PathBuf,
        /// The number of the malformed line, counted from 1.
        line: usize,
    },
    /// The argument of `logout` is this directory.
    #[error("a directory has no key: give the URL of a server, or @NAME")]
    DirectoryAsServer(String),
    /// There is no login for the server with this URL, or no login with this name.
    #[error("there is no login for {0}")]
    NoLogin(String),
    /// The login file has no directory, because neither `XDG_CONFIG_HOME` nor `HOME` is set.
    #[error("neither XDG_CONFIG_HOME nor HOME is set")]
    NoConfigDirectory,
    /// No module path was given, and the input file has no name, or a name that is not UTF-8, so its name cannot be the path.
    #[error(
        "without the argument PATH, the module path is the file name, but {0:?} has no file name in UTF-8: give PATH"
    )]
    FileName(PathBuf),
    /// The store reported an error.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A server, a mirror or the source of a clone reported an error.
    #[error(transparent)]
    Remote(remote::Error),
    /// An input file cannot be read.
    #[error("cannot read {path:?}")]
    Input {
        /// The path of the input file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The first argument of `add` cannot be read, and the second is a file: they are probably swapped.
    #[error("cannot read {file:?}")]
    SwappedFile {
        /// The first argument.
        file: PathBuf,
        /// The second argument.
        path: ModulePath,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The FILE of `world` does not define a usable WIT world.
    #[error("{path:?}")]
    World {
        /// The argument FILE of the command `world`.
        path: PathBuf,
        /// The reason why the file does not define a usable world.
        source: WitError,
    },
    /// The COMMAND of `watch` begins with the name of this branch.
    #[error("{0:?} is a branch, not a command")]
    BranchAsCommand(String),
    /// The COMMAND of `watch` begins with this path of a module or directory, or with this glob.
    #[error("{0:?} is a path in the store, not a command")]
    PathAsCommand(String),
    /// The COMMAND of `watch` begins with this word, but `PATH` has no program with this name.
    #[error("there is no program {0:?} on PATH")]
    NoProgram(String),
    /// This option of `watch` stands after the COMMAND, and would be passed to it.
    #[error("{0} stands after the command, and would be passed to it")]
    OptionAfterCommand(&'static str),
    /// The file of `watch --since-file` does not contain a cursor, which is a commit and the name of a branch.
    #[error("{0:?} is not a file that `watch --since-file` wrote")]
    CursorFile(PathBuf),
    /// The file of `watch --since-file` contains a cursor for another branch.
    #[error("{path:?} records how far the branch {branch} was watched, not {watched}", branch = .branch.as_str(), watched = .watched.as_str())]
    CursorBranch {
        /// The path of the file that `watch --since-file` names.
        path: PathBuf,
        /// The branch that `watch --since-file` wrote to the file.
        branch: BranchName,
        /// The branch to watch.
        watched: BranchName,
    },
    /// The file of `watch --since-file` contains a commit that the store does not have.
    #[error("cannot continue after the commit in {path:?}")]
    LostCursor {
        /// The path of the file that `watch --since-file` names.
        path: PathBuf,
        /// The error that the store returned for the commit in the file.
        source: Box<Error>,
    },
    /// Reading a module failed before its end.
    #[error("cannot read the module")]
    Interrupted(#[source] io::Error),
    /// An output file cannot be written.
    #[error("cannot write {path:?}")]
    OutputFile {
        /// The path of the output file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// Standard output cannot be written.
    #[error("cannot write the output")]
    Output(#[source] io::Error),
    /// The reader of standard output closed it. This ends the command, but is not a failure.
    #[error("the output was closed")]
    Closed,
    /// The API keys that the server gets from `--auth` and `--auth-file` cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// A key file is malformed.
    #[error("{path:?}")]
    KeyFile {
        /// The path of the key file.
        path: PathBuf,
        /// The fault, and the line that has it.
        source: KeyError,
    },
    /// The value of `auth-file` is not the name of a file, but looks like API keys. The error does not repeat it.
    #[error("there is no such file, and its name looks like keys: set them with `auth`")]
    KeysForFile,
    /// The configuration of the server is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A server setting from an environment variable or from the configuration file cannot be used.
    #[error("{location}")]
    Setting {
        /// The name of the variable; or the configuration file, the line and the name of the setting.
        location: String,
        /// The error that the setting caused.
        source: Box<Error>,
    },
    /// The server cannot write to a directory of the store.
    #[error("cannot write in {path:?}")]
    Unwritable {
        /// The path of the directory.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The server's certificate or private key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The server cannot listen on its address.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address in the form HOST:PORT or unix:PATH; `a socket of the service manager` for a socket that the service manager opened.
        address: String,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The operating system cannot start a thread of the server, or install a signal handler.
    #[error("cannot start the server")]
    Runtime(#[source] io::Error),
    /// A verification found this number of faults, and has reported them.
    #[error("verify found {}", match .0 { 1 => "1 fault".to_owned(), n => format!("{n} faults") })]
    Faults(usize),
    /// The user has not confirmed that history may be dropped.
    #[error("nothing was changed: gc was not confirmed")]
    NotConfirmed,
    /// A push was refused for this number of reasons, which have been reported.
    #[error("push refused: {}", match .0 { 1 => "1 problem".to_owned(), n => format!("{n} problems") })]
    PushRefused(usize),
    /// The store's directory is unknown: neither `--root` nor `WASMSTORE_ROOT` is given, and `HOME` is not set.
    #[error("HOME is not set: give the store's directory with --root or WASMSTORE_ROOT")]
    NoHome,
    /// The existing store has another object format than the requested one.
    #[error("{root:?} is already a {format} store")]
    ObjectFormat {
        /// The directory of the store.
        root: PathBuf,
        /// The object format of the store.
        format: &'static str,
    },
}

/// Converts an error of an operation on a store. If the error is one of a local store, makes it an [`Error::Store`], so that it is reported
/// like any other error of a local store.
impl From<remote::Error> for Error {
    fn from(error: remote::Error) -> Self {
        match error {
            remote::Error::Store(error) => Self::Store(error),
            error => Self::Remote(error),
        }
    }
}

/// The result of a command.
pub(super) type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Returns the exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::NotConfirmed | Self::BinaryToTerminal(_) | Self::Differences => FAILED,
            Self::MixedDiff(..) | Self::OneSide(..) => USAGE,
            Self::FileAsDirectory(_) | Self::FileAsPath(..) => USAGE,
            Self::NoStoreToVerify(_) => UNAVAILABLE,
            Self::NoMirror | Self::NeverModule(_) => FAILED,
            Self::NoStore(_) | Self::Input { .. } | Self::OutputFile { .. } | Self::Output(_) => {
                FAILED
            }
            Self::Tls(_) | Self::Bind { .. } | Self::Runtime(_) => FAILED,
            Self::Usage(_) | Self::Variable(_) | Self::Number(_) => USAGE,
            Self::Keys(_) | Self::KeyFile { .. } | Self::KeysForFile => USAGE,
            Self::Config(error) => config_code(error),
            Self::Setting { source, .. } => source.code(),
            Self::Unwritable { .. } => UNAVAILABLE,
            Self::NeedsDirectory(_) | Self::DirectoryAsServer(_) => USAGE,
            Self::BranchAsCommand(_) | Self::PathAsCommand(_) | Self::OptionAfterCommand(_) => {
                USAGE
            }
            Self::NoProgram(_) | Self::CursorBranch { .. } => USAGE,
            Self::ServerKey(..) | Self::ExposedKey(_) | Self::LoginFile { .. } => USAGE,
            Self::NoLogin(_) | Self::OnlyVersion(_) | Self::SwappedFile { .. } => FAILED,
            Self::NoConfigDirectory => UNAVAILABLE,
            Self::CursorFile(_) => INVALID,
            Self::LostCursor { source, .. } => source.code(),
            Self::MergeConflict { error, .. } => error.code(),
            Self::Name(_)
            | Self::BucketUrl(_)
            | Self::Query(_)
            | Self::FileName(_)
            | Self::World { .. } => INVALID,
            Self::ObjectFormat { .. } | Self::NotRecursive(_) | Self::NotAtomic(_) => CONFLICT,
            Self::NoHome | Self::Faults(_) | Self::Interrupted(_) => UNAVAILABLE,
            Self::PushRefused(_) | Self::UnexpectedModule { .. } => CONFLICT,
            Self::Store(error) => code(error.kind()),
            Self::Remote(error) => remote_code(error),
        }
    }

    /// Returns whether this error says that a branch, commit or module does not exist.
    pub fn is_not_found(&self) -> bool {
        let kind = match self {
            Self::Store(error) => Some(error.kind()),
            Self::Remote(error) => error.kind(),
            _ => None,
        };
        kind == Some(ErrorKind::NotFound)
    }

    /// Returns whether this error says that a commit does not exist.
    pub fn is_missing_commit(&self) -> bool {
        let missing = match self {
            Self::Store(error) => MissingName::of(error),
            Self::Remote(remote::Error::Refused(refused)) => refused.missing.clone(),
            _ => None,
        };
        self.is_not_found() && missing.is_none()
    }

    /// Returns whether this error says that there is no module, and nothing else, at a path.
    pub fn is_missing_module(&self) -> bool {
        let missing = match self {
            Self::Store(error) => MissingName::of(error),
            Self::Remote(remote::Error::Refused(refused)) => refused.missing.clone(),
            _ => None,
        };
        self.is_not_found() && matches!(missing, Some(MissingName::Module(_)))
    }

    /// Returns whether this error says that a branch has no commit yet.
    pub fn is_empty_branch(&self) -> bool {
        matches!(self, Self::Store(store::Error::NoCommit(_)))
    }

    /// Returns the error and its causes, joined by colons.
    pub fn chain(&self) -> String {
        store::chain(self)
    }
}

fn config_code(error: &ConfigError) -> u8 {
    use ConfigError as E;
    match error {
        E::Read { .. } | E::NotAFile(_) | E::TooLarge { .. } => FAILED,
        E::Invalid { .. } => USAGE,
        E::Name { .. } => INVALID,
    }
}

fn remote_code(error: &remote::Error) -> u8 {
    use remote::Error as E;
    match error {
        E::UnknownMirror(_) => FAILED,
        E::MirrorExists(_) | E::UnrelatedRepository { .. } => CONFLICT,
        E::TooManyBrokenRefs(_) => UNAVAILABLE,
        E::NoGit | E::Git(_) | E::GitRemote { .. } | E::HookProtocol(_) => UNAVAILABLE,
        E::MirrorRemoved(_) | E::MirrorBusy(_) | E::MirrorPushes { .. } => UNAVAILABLE,
        E::Store(error) => code(error.kind()),
        E::Oci(error) => code(error.kind()),
        E::Refused(refused) if refused.is_unknown_endpoint() => UNAVAILABLE,
        E::Refused(refused) => code(refused.kind()),
        E::InvalidKey | E::InvalidReplicaKey | E::Proxy { .. } => USAGE,
        E::WrongScheme(_) | E::Unreachable { .. } | E::InvalidResponse { .. } => UNAVAILABLE,
    }
}

fn code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::NotFound | ErrorKind::Input => FAILED,
        ErrorKind::InvalidModule | ErrorKind::TooLarge | ErrorKind::Malformed => INVALID,
        ErrorKind::Conflict | ErrorKind::Precondition => CONFLICT,
        ErrorKind::Busy | ErrorKind::Full => UNAVAILABLE,
        ErrorKind::ReadOnly | ErrorKind::Unavailable => UNAVAILABLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_kind_has_its_exit_code() {
        for (kind, expected) in [
            (ErrorKind::NotFound, 1),
            (ErrorKind::Input, 1),
            (ErrorKind::InvalidModule, 3),
            (ErrorKind::TooLarge, 3),
            (ErrorKind::Malformed, 3),
            (ErrorKind::Conflict, 4),
            (ErrorKind::Precondition, 4),
            (ErrorKind::Busy, 5),
            (ErrorKind::Full, 5),
            (ErrorKind::ReadOnly, 5),
            (ErrorKind::Unavailable, 5),
        ] {
            assert_eq!(code(kind), expected, "{kind:?}");
        }
    }

    #[test]
    fn chain_contains_every_cause_once() {
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
