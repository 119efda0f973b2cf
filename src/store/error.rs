//! Why the store could not do what it was asked.

use std::io;
use std::path::PathBuf;

use crate::index;
use crate::names;
use crate::repo;
use crate::wasm;

/// An operation on the store that failed. The text is for the person who asked: what was wrong, and with what.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No module of that path or hash.
    #[error("there is no module {0}")]
    NoModule(String),
    /// A path that names a folder where a module is needed.
    #[error("{0} is a folder, not a module")]
    IsDirectory(String),
    /// A folder is not removed by the way.
    #[error("{0} is a folder, and was not to be removed with everything in it")]
    DirectoryNotRemoved(String),
    /// The path has fewer versions.
    #[error("{path} has no version {index}: there are {count}, counted from 0")]
    NoVersion {
        /// The path.
        path: String,
        /// The index that was asked for.
        index: usize,
        /// How many versions there are.
        count: usize,
    },
    /// Nothing was ever at that path.
    #[error("there has never been anything at {0}")]
    NeverExisted(String),
    /// The branch has no commit yet.
    #[error("branch {0:?} has no commit yet")]
    NoCommit(String),
    /// What is there is not what the change asked for.
    #[error("the precondition failed: {now}")]
    Precondition {
        /// What is there now.
        now: String,
    },
    /// The scope's history is used up.
    #[error("nothing to roll back{0}")]
    NothingToRollBack(String),
    /// The uploaded or named bytes are no valid module.
    #[error("cannot take {name}")]
    Invalid {
        /// Which module: a path, file or hash.
        name: String,
        /// The reason, with the byte offset.
        source: wasm::Error,
    },
    /// A name is malformed.
    #[error(transparent)]
    Name(#[from] names::Error),
    /// The repository failed.
    #[error(transparent)]
    Repo(#[from] repo::Error),
    /// The version index failed, and could not be made anew.
    #[error(transparent)]
    Index(#[from] index::Error),
    /// The store follows another one, and takes changes from nowhere else.
    #[error(
        "this store is a replica of {primary}: make changes there; \
         `git --git-dir {root:?} config --unset wasmstore.replicaOf` makes it a store of its own"
    )]
    Replica {
        /// The URL of the other one.
        primary: String,
        /// The folder of this one.
        root: PathBuf,
    },
    /// The store cannot follow another one: its own history would be lost.
    #[error(
        "{root:?} has a history of its own, which that of {primary} would replace: name another folder with --root; \
         if the history may be lost, run `git --git-dir {root:?} config wasmstore.replicaOf {primary}` first"
    )]
    OwnHistory {
        /// The folder of this one.
        root: PathBuf,
        /// The URL of the other one.
        primary: String,
    },
    /// A ref could not be made as another store has it.
    #[error("{name} cannot be as the other store has it: {refusal}")]
    RefNotSynced {
        /// Its full name.
        name: String,
        /// Why not.
        refusal: repo::Refusal,
    },
    /// A file outside the store could not be read or written.
    #[error("cannot {action} {path:?}")]
    File {
        /// `read`, `write`, ...
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        source: io::Error,
    },
    /// What was to be written out could not be.
    #[error("cannot write the output")]
    Output(#[source] io::Error),
    /// Something is in the place of what should be written.
    #[error("{0:?} exists and is not empty")]
    TargetNotEmpty(PathBuf),
}

/// A result of the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure an error is: what a status or an exit code is chosen by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// What was named is not there.
    NotFound,
    /// The bytes are no valid module.
    InvalidModule,
    /// The module is larger than the limit.
    TooLarge,
    /// A path, hash, branch, commit, author or message is malformed.
    Malformed,
    /// The request contradicts what is there.
    Conflict,
    /// What is there is not what the request asked for.
    Precondition,
    /// The input could not be read to its end.
    Input,
    /// Others held the store for too long; the same request may succeed later.
    Busy,
    /// There is no room on the disk.
    Full,
    /// The store cannot be opened, read or written.
    Unavailable,
}

impl Error {
    /// The bytes that are called `name` are no valid module, or could not be read to their end.
    pub fn invalid(name: &str, source: wasm::Error) -> Self {
        let name = name.to_owned();
        Self::Invalid { name, source }
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoModule(_)
            | Self::IsDirectory(_)
            | Self::NoVersion { .. }
            | Self::NeverExisted(_)
            | Self::NoCommit(_) => ErrorKind::NotFound,
            Self::DirectoryNotRemoved(_)
            | Self::NothingToRollBack(_)
            | Self::TargetNotEmpty(_)
            | Self::Replica { .. }
            | Self::OwnHistory { .. } => ErrorKind::Conflict,
            Self::Precondition { .. } => ErrorKind::Precondition,
            Self::RefNotSynced { .. } => ErrorKind::Busy,
            Self::Invalid { source, .. } => module_kind(source),
            Self::Name(_) => ErrorKind::Malformed,
            Self::Repo(error) => repo_kind(error),
            Self::Index(error) => index_kind(error),
            Self::File { .. } | Self::Output(_) => ErrorKind::Input,
        }
    }

    /// The paths that a conflict is about, sorted, with a leading slash; none for other failures.
    pub fn conflicting_paths(&self) -> &[String] {
        match self {
            Self::Repo(repo::Error::MergeConflict { paths }) => paths,
            Self::Repo(repo::Error::PathTaken { existing, .. }) => std::slice::from_ref(existing),
            Self::DirectoryNotRemoved(path) => std::slice::from_ref(path),
            _ => &[],
        }
    }

    /// The branch that was named and is unknown.
    pub fn unknown_branch(&self) -> Option<&str> {
        match self {
            Self::Repo(repo::Error::UnknownBranch(branch)) => Some(branch),
            _ => None,
        }
    }

    /// Says whether what should be a store is something else.
    pub fn is_not_a_store(&self) -> bool {
        matches!(self, Self::Repo(repo::Error::NotAStore { .. }))
    }

    /// Says whether an object vanished while it was read, as it does when a `gc` runs beside: another attempt may succeed.
    pub(super) fn is_missing_object(&self) -> bool {
        matches!(self, Self::Repo(error) if error.is_missing_object())
    }
}

fn module_kind(error: &wasm::Error) -> ErrorKind {
    match error {
        wasm::Error::ModuleTooLarge { .. } => ErrorKind::TooLarge,
        wasm::Error::SectionTooLarge { .. }
        | wasm::Error::Invalid { .. }
        | wasm::Error::Panicked => ErrorKind::InvalidModule,
        wasm::Error::Read(_) => ErrorKind::Input,
    }
}

fn index_kind(error: &index::Error) -> ErrorKind {
    match error {
        error if error.is_busy() => ErrorKind::Busy,
        error if error.is_full() => ErrorKind::Full,
        _ => ErrorKind::Unavailable,
    }
}

fn repo_kind(error: &repo::Error) -> ErrorKind {
    use repo::Error as E;
    match error {
        E::UnknownBranch(_) | E::UnknownCommit(_) | E::UnknownBlob(_) => ErrorKind::NotFound,
        E::BranchExists(_)
        | E::BranchClash { .. }
        | E::DefaultBranch(_)
        | E::PathTaken { .. }
        | E::MergeConflict { .. } => ErrorKind::Conflict,
        E::Busy(_) | E::Moved(_) => ErrorKind::Busy,
        E::Batch(error) => repo_kind(error),
        E::NotAStore { .. }
        | E::Missing { .. }
        | E::Unconfirmed { .. }
        | E::Io { .. }
        | E::Database { .. }
        | E::Git(_) => match error.io_kind() {
            Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => ErrorKind::Full,
            _ => ErrorKind::Unavailable,
        },
    }
}
