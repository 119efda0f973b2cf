//! What can go wrong between the store and another repository.

use crate::git;
use crate::store;

/// An exchange with another repository that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no git program.
    #[error("git is not installed, and this needs it")]
    NoGit,
    /// git failed.
    #[error(transparent)]
    Git(#[from] git::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// A result of this room.
pub type Result<T, E = Error> = std::result::Result<T, E>;
