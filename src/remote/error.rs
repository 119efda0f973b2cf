//! What can go wrong between the store and another repository.

use std::io;

use super::client::ErrorResponse;
use crate::git;
use crate::names::{MirrorName, RemoteUrl, ServerUrl};
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
    HookProtocol(#[source] io::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The other repository could not be reached, or refused.
    #[error("{url}: {reason}")]
    GitRemote {
        /// Where it is.
        url: RemoteUrl,
        /// What git said, without secrets.
        reason: String,
    },
    /// The key of a server is none that a header can hold.
    #[error("WASMSTORE_KEY holds a character that no key has")]
    InvalidKey,
    /// A server, or the way there, failed.
    #[error("{url}: {reason}")]
    Unreachable {
        /// Where it is.
        url: ServerUrl,
        /// What failed.
        reason: String,
    },
    /// A server refused.
    #[error(transparent)]
    Refused(Box<ErrorResponse>),
    /// A server answered what no store answers.
    #[error("{url} is not a wasmstore server, or it is broken: {reason}")]
    InvalidResponse {
        /// Where it is.
        url: ServerUrl,
        /// What it answered.
        reason: String,
    },
    /// There is no such mirror.
    #[error("there is no mirror {0}")]
    UnknownMirror(MirrorName),
    /// The name is taken.
    #[error("there is a remote {0} already")]
    MirrorExists(MirrorName),
    /// What is at the URL is not a mirror of this store: pushing would delete it.
    #[error(
        "{url} has {name}, which this store never had: it would be lost; restore it with `wasmstore clone`, or add the mirror with --force"
    )]
    UnrelatedRepository {
        /// Where it is.
        url: RemoteUrl,
        /// A ref there.
        name: String,
    },
    /// The mirror was removed while it was pushed to.
    #[error("mirror {0} was removed")]
    MirrorRemoved(MirrorName),
    /// Others have pushed to the mirror all the time.
    #[error("mirror {0} is pushed to by another process; try again")]
    MirrorBusy(MirrorName),
    /// Some of several mirrors could not be pushed to.
    #[error("{failed} of {all} mirrors could not be pushed to: {reasons}")]
    MirrorPushes {
        /// How many.
        failed: usize,
        /// Of how many.
        all: usize,
        /// Which, and why.
        reasons: String,
    },
}

impl Error {
    /// git said what it does not say to a hook.
    pub(super) fn hook(what: String) -> Self {
        Self::HookProtocol(io::Error::other(what))
    }
}

/// A result of this room.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// git's failure to speak to the repository at `url`, without secrets.
    pub(super) fn git_remote(url: &RemoteUrl) -> impl FnOnce(git::Error) -> Self {
        let url = url.clone();
        move |error| {
            let reason = url.redact(&store::chain(&error)).into_owned();
            Self::GitRemote { url, reason }
        }
    }
}
