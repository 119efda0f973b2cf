//! What can go wrong with the index.

use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;

/// An operation on the index that failed. The index is derived: whoever asks may have it made anew, and ask again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite failed.
    #[error("cannot use the version index")]
    Sqlite(#[from] rusqlite::Error),
    /// What is in the index cannot be: it is damaged, or not ours.
    #[error("the version index is damaged: {0}")]
    Damaged(&'static str),
    /// A commit was to be added before its parent.
    #[error("the version index has lost a commit")]
    Unknown,
    /// A file operation failed.
    #[error("cannot {action} {path:?}")]
    Io {
        /// `create`, `write`, ...
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        source: io::Error,
    },
}

/// A result of this room.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Wraps the failure of `action` on `path`.
    pub(super) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// Whether the file is to be given up, and a new one to be made.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Damaged(_) => true,
            Self::Unknown => false,
            Self::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
            Self::Sqlite(error) if has_moved(error) => true,
            Self::Sqlite(error) => match error.sqlite_error_code() {
                // `Unknown` is SQLITE_ERROR: a table or column that is not there.
                Some(
                    ErrorCode::DatabaseCorrupt
                    | ErrorCode::NotADatabase
                    | ErrorCode::Unknown
                    | ErrorCode::SchemaChanged
                    | ErrorCode::TypeMismatch
                    | ErrorCode::ConstraintViolation,
                ) => true,
                Some(_) => false,
                // A column holds what it should not.
                None => true,
            },
        }
    }

    /// Whether another process held it for too long.
    pub fn is_busy(&self) -> bool {
        self.code() == Some(ErrorCode::DatabaseBusy)
    }

    /// Whether there is no room on the disk.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Io { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            ),
            _ => self.code() == Some(ErrorCode::DiskFull),
        }
    }

    fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code(),
            _ => None,
        }
    }

    /// Whether the place of the index cannot be written, or has no room.
    pub fn is_unwritable(&self) -> bool {
        match self {
            Self::Sqlite(error) if has_moved(error) => false,
            Self::Sqlite(error) => matches!(
                error.sqlite_error_code(),
                Some(
                    ErrorCode::ReadOnly
                        | ErrorCode::CannotOpen
                        | ErrorCode::PermissionDenied
                        | ErrorCode::DiskFull
                        | ErrorCode::SystemIoFailure
                )
            ),
            Self::Io { source, .. } => source.kind() != io::ErrorKind::NotFound,
            Self::Damaged(_) | Self::Unknown => false,
        }
    }
}

/// Whether the file was removed, or another put in its place, while it was open.
fn has_moved(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    code == Some(rusqlite::ffi::SQLITE_READONLY_DBMOVED)
}
