//! The errors of a repository.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::names::{self, CommitId, ModuleHash, RefName};
use crate::repo::broken_ref::BrokenRef;

/// A failed operation on the repository.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory is not a store, or the operation is not possible on this kind of store.
    #[error("{root:?} cannot be used as a store: {reason}")]
    NotAStore {
        /// The directory that cannot be used.
        root: PathBuf,
        /// Why the directory cannot be used, and what to do.
        reason: String,
    },
    /// The branch does not exist.
    #[error("there is no branch {0:?}")]
    UnknownBranch(String),
    /// The branch exists already.
    #[error("branch {0:?} already exists")]
    BranchExists(String),
    /// One branch name is a parent directory of the other, which git cannot store.
    #[error("branches {new:?} and {existing:?} cannot both exist")]
    BranchClash {
        /// The name that was to be created.
        new: String,
        /// The existing branch.
        existing: String,
    },
    /// One tag name is a parent directory of the other, which git cannot store.
    #[error("tags {new:?} and {existing:?} cannot both exist")]
    TagClash {
        /// The name that was to be created.
        new: String,
        /// The name of the existing tag.
        existing: String,
    },
    /// The default branch cannot be deleted.
    #[error("branch {0:?} is the default branch and cannot be deleted")]
    DefaultBranch(String),
    /// The repository has no object with this id, or that object is not a commit.
    #[error("there is no commit {0}")]
    UnknownCommit(CommitId),
    /// The repository has no object with this id, or that object is not a blob.
    #[error("there is no module {0}")]
    UnknownBlob(ModuleHash),
    /// A path would be a module and a directory at once.
    #[error("{path} cannot be written: {existing} is {kind}")]
    PathTaken {
        /// The requested path.
        path: String,
        /// The existing path that prevents a module at the requested path.
        existing: String,
        /// The kind of the existing entry: `a module`, `a directory`, or `neither a module nor a directory`.
        kind: &'static str,
    },
    /// The name is not allowed for a new module, directory or ref.
    #[error(transparent)]
    Name(#[from] names::Error),
    /// Both sides of a merge changed the same paths differently.
    #[error("both sides changed {}", .paths.join(", "))]
    MergeConflict {
        /// The paths, sorted, each with a leading slash.
        paths: Vec<String>,
    },
    /// An object that a ref or another object names does not exist.
    #[error("object {id} is missing")]
    Missing {
        /// The object's id.
        id: String,
    },
    /// The content or name of a ref is invalid, or its target does not exist.
    #[error("{0}; {remedy}", remedy = .0.remedy())]
    BrokenRef(BrokenRef),
    /// `gc` does not run: it could delete objects that a broken ref should have kept.
    #[error("gc cannot know which objects a broken ref keeps: {0}; {remedy} first", remedy = .0.remedy())]
    UncollectableRef(BrokenRef),
    /// The refs were not made equal to those of the primary, because the configuration does not mark the store as a replica any more.
    #[error("the store is not a replica any more")]
    NotReplica,
    /// Another process held a lock for too long.
    #[error("the store is busy: {0}; try again")]
    Busy(String),
    /// Other writers moved the ref while a change to it was prepared. The change is retried on the new tip. The caller gets this error if
    /// other writers still move the ref after many attempts.
    #[error("other writers keep moving {0}; try again")]
    Moved(RefName),
    /// The ref was moved, but it is unknown whether the move survives a power cut.
    #[error("the change may have been applied")]
    Unconfirmed {
        /// The error that occurred after the ref had moved.
        source: Arc<Error>,
    },
    /// The batch, the group of concurrent changes that contained this change, could not be made durable. None of its changes happened.
    #[error(transparent)]
    Batch(Arc<Error>),
    /// A file operation failed.
    #[error("cannot {action} {path:?}")]
    Io {
        /// The operation: `read`, `write`, `fsync`, …
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// The object database or a ref could not be read or written.
    #[error("cannot {action}")]
    Database {
        /// The action that failed.
        action: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An object exceeds a limit. Another program wrote the object, or a client sent it.
    #[error("{object}: {reason}")]
    LimitExceeded {
        /// The object, for example its kind and id.
        object: String,
        /// The object's size, and the name of the limit that it exceeds.
        reason: String,
    },
    /// OCI clients have uploaded too many blobs that no manifest names yet.
    #[error("the space for blobs that no manifest names is used up; try again later")]
    UploadsFull,
    /// The S3 bucket that holds the shared store cannot be used now. Nothing was changed.
    #[error("cannot use {url}, and nothing was changed: {reason}")]
    Unreachable {
        /// The bucket's URL.
        url: String,
        /// The cause, without secrets.
        reason: String,
    },
    /// The stock git program failed.
    #[error(transparent)]
    Git(#[from] crate::git::Error),
}

/// A result with the repository's error type.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Returns a function that wraps an I/O error in [`Error::Io`], with this `action` and `path`. For `map_err`.
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

    /// Returns a function that wraps an error in [`Error::Database`], with this `action`. For `map_err`.
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

    /// Returns whether the operation failed because an object is missing. A concurrent `gc` may have removed it, so another attempt on
    /// freshly read refs may succeed.
    pub fn is_missing_object(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }

    /// Returns whether the operation failed because the file system or its permissions forbid writing.
    pub(crate) fn is_read_only(&self) -> bool {
        self.io_kind().is_some_and(is_read_only)
    }

    /// Returns the kind of the operating system error that caused this error; `None` if none did.
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

/// Returns whether an I/O error of this kind means that the file system or its permissions forbid writing.
pub(crate) fn is_read_only(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
    )
}

/// Removes the path that the tempfile crate adds to an error, because the path of a temporary file means nothing to the user.
fn without_path(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(_) => error,
        None => io::Error::from(error.kind()),
    }
}

/// Returns an error and its causes, joined by colons.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
