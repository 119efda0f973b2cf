//! The errors of the index.

use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;

/// The error of a failed operation on the index. The index is derived data, so the caller may rebuild it and retry.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite failed.
    #[error("cannot use the version index")]
    Sqlite(#[from] rusqlite::Error),
    /// The database file is damaged or is not an index.
    #[error("the version index is damaged: {0}; run `wasmstore reindex`")]
    Damaged(&'static str),
    /// The index does not contain a commit that it should contain.
    #[error("a commit is missing from the version index; run `wasmstore reindex`")]
    UnknownCommit,
    /// A search compares too many names with its pattern.
    #[error(
        "too many names must be compared with the pattern of the search; begin it with more letters"
    )]
    TooManyNames,
    /// A file operation failed.
    #[error("cannot {action} {path:?}")]
    Io {
        /// The failed action, as a verb that completes the message `cannot … PATH`: `create`, `write`, …
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
}

/// The result type of this subsystem.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Returns a function that wraps the error of `action` on `path`.
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

    /// Returns whether the database file is unusable and must be replaced by a new one.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Damaged(_) => true,
            Self::UnknownCommit | Self::TooManyNames => false,
            Self::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
            Self::Sqlite(error) if was_replaced(error) => true,
            Self::Sqlite(error) => match error.sqlite_error_code() {
                // `Unknown` is SQLITE_ERROR: a table or column is missing.
                Some(
                    ErrorCode::DatabaseCorrupt
                    | ErrorCode::NotADatabase
                    | ErrorCode::Unknown
                    | ErrorCode::SchemaChanged
                    | ErrorCode::TypeMismatch
                    | ErrorCode::ConstraintViolation,
                ) => true,
                Some(_) => false,
                // An error of rusqlite itself: a column has a value of the wrong type.
                None => true,
            },
        }
    }

    /// Returns whether another process kept the database locked for too long.
    pub fn is_busy(&self) -> bool {
        self.code() == Some(ErrorCode::DatabaseBusy)
    }

    /// Returns whether the disk is full.
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

    /// Returns whether the directory of the index cannot be written or is on a full disk.
    pub fn is_unwritable(&self) -> bool {
        match self {
            Self::Sqlite(error) if was_replaced(error) => false,
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
            Self::Damaged(_) | Self::UnknownCommit | Self::TooManyNames => false,
        }
    }
}

/// Returns whether the error means that the database file was deleted or replaced while it was open.
fn was_replaced(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    code == Some(rusqlite::ffi::SQLITE_READONLY_DBMOVED)
}
