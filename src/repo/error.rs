//! What can go wrong with a repository.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::names::{CommitId, ModuleHash, RefName};

/// An operation on the repository that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder is no store, or one that this program must not touch.
    #[error("{root:?} cannot be used as a store: {reason}")]
    NotAStore {
        /// The folder.
        root: PathBuf,
        /// Why not, and what to do.
        reason: String,
    },
    /// No such branch.
    #[error("there is no branch {0:?}")]
    UnknownBranch(String),
    /// The branch is there already.
    #[error("branch {0:?} exists already")]
    BranchExists(String),
    /// One branch name is the folder of another.
    #[error("branches {new:?} and {existing:?} cannot both exist")]
    BranchClash {
        /// The name asked for.
        new: String,
        /// The one that is there.
        existing: String,
    },
    /// The default branch cannot be deleted.
    #[error("branch {0:?} is the default branch and cannot be deleted")]
    DefaultBranch(String),
    /// The id names no commit of this repository.
    #[error("there is no commit {0}")]
    UnknownCommit(CommitId),
    /// The id names no blob of this repository.
    #[error("there is no module {0}")]
    UnknownBlob(ModuleHash),
    /// A path would be module and folder at once.
    #[error("{path} cannot be written: {existing} is {kind}")]
    PathTaken {
        /// The path asked for.
        path: String,
        /// What stands in its way.
        existing: String,
        /// `a module`, `a folder`, or what else it is.
        kind: &'static str,
    },
    /// Both sides of a merge changed the same paths differently.
    #[error("both sides changed {}", .paths.join(", "))]
    MergeConflict {
        /// The paths, sorted, with a leading slash.
        paths: Vec<String>,
    },
    /// An object that something refers to is not there.
    #[error("object {id} is missing")]
    Missing {
        /// The object's id.
        id: String,
    },
    /// Somebody else held a lock, or kept moving the branch, for too long.
    #[error("the store is busy: {0}; try again")]
    Busy(String),
    /// A ref moved while a change was made; the change is judged again.
    #[error("{0} keeps moving; try again")]
    Moved(RefName),
    /// The ref was moved, but whether that survives a power cut is not known.
    #[error("the change may have been applied")]
    Unconfirmed {
        /// What failed after the branch had moved.
        source: Arc<Error>,
    },
    /// The changes that were to be made durable together with this one, and this one, failed.
    #[error(transparent)]
    Batch(Arc<Error>),
    /// A file operation failed.
    #[error("cannot {action} {path:?}")]
    Io {
        /// `read`, `write`, `flush`, ...
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        source: io::Error,
    },
    /// The object database or a ref could not be read or written.
    #[error("cannot {action}")]
    Database {
        /// What was tried.
        action: String,
        /// The reason.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The stock git program failed.
    #[error(transparent)]
    Git(#[from] crate::git::Error),
}

/// A result of this room.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Wraps the failure of `action` on `path`.
    pub(crate) fn io(
        action: &'static str,
        path: impl AsRef<Path>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_owned();
        move |source| Self::Io {
            action,
            path,
            source: without_path(source),
        }
    }

    /// Wraps a failure of the object or ref database.
    pub(crate) fn database<E>(action: impl Into<String>) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let action = action.into();
        move |source| Self::Database {
            action,
            source: source.into(),
        }
    }

    /// Says whether another attempt on fresh refs may succeed, as after a `gc` beside a reader.
    pub fn is_missing_object(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }

    /// Says whether nothing may be written there.
    pub(crate) fn is_read_only(&self) -> bool {
        self.io_kind().is_some_and(is_read_only)
    }

    /// The operating system's error behind this one, if there is one.
    pub fn io_kind(&self) -> Option<io::ErrorKind> {
        if let Self::Git(crate::git::Error::NoSpace { .. }) = self {
            return Some(io::ErrorKind::StorageFull);
        }
        let mut error: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(current) = error {
            if let Some(io) = current.downcast_ref::<io::Error>() {
                return Some(io.kind());
            }
            if let Some(gix) = current.downcast_ref::<gix::Error>() {
                return gix
                    .iter_errors()
                    .find_map(|e| e.downcast_ref::<io::Error>())
                    .map(io::Error::kind);
            }
            error = current.source();
        }
        None
    }
}

/// Says whether a file operation failed because nothing may be written there.
pub(crate) fn is_read_only(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
    )
}

/// The reason alone: the tempfile crate adds the path of a file that nobody named.
fn without_path(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(_) => error,
        None => io::Error::from(error.kind()),
    }
}

/// An error and its causes, joined by colons.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
