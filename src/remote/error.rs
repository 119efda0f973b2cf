//! What can go wrong between the store and another repository.

use std::io;

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
    /// git did not say what a hook needs to know.
    #[error("git and the hook do not understand each other")]
    Hook(#[source] io::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    /// git said what it does not say to a hook.
    pub(super) fn hook(what: String) -> Self {
        Self::Hook(io::Error::other(what))
    }
}

/// A result of this room.
pub type Result<T, E = Error> = std::result::Result<T, E>;
