//! Errors of operations that involve git, other repositories or other servers.

use std::io;

use super::client::error_response::ErrorResponse;
use crate::git;
use crate::names::{MirrorName, RemoteUrl, ServerUrl};
use crate::oci;
use crate::store::{self, ErrorKind};

/// A failed operation on a store, on another repository or on another server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// git is not installed.
    #[error("this operation needs git, which is not installed")]
    NoGit,
    /// git cannot be run, or it failed.
    #[error(transparent)]
    Git(#[from] git::Error),
    /// git ran a hook of wasmstore with unexpected input.
    #[error("unexpected input from git")]
    HookProtocol(#[source] io::Error),
    /// An operation on the store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// An operation on the OCI registry of the store failed.
    #[error(transparent)]
    Oci(#[from] oci::Error),
    /// The repository at a URL cannot be reached, or rejected the request.
    #[error("{url}: {reason}")]
    GitRemote {
        /// The repository's URL.
        url: RemoteUrl,
        /// git's message, without secrets.
        reason: String,
    },
    /// The API key for a server contains a character that is not allowed in an HTTP header.
    #[error("WASMSTORE_KEY contains a character that is not allowed in a key")]
    InvalidKey,
    /// The API key with which a replica reads from its primary contains a character that is not allowed in an HTTP header.
    #[error("WASMSTORE_REPLICA_KEY contains a character that is not allowed in a key")]
    InvalidReplicaKey,
    /// The proxy that an environment variable names cannot be used.
    #[error("{name} {fault}")]
    Proxy {
        /// The name of the environment variable.
        name: &'static str,
        /// The fault of the variable's value. The text follows the name of the variable, such as `is not the URL of a proxy`.
        fault: &'static str,
    },
    /// The URL's scheme is `http` but the server's port speaks TLS, or the scheme is `https` and the port does not speak TLS.
    #[error("{0}: {fault}", fault = scheme_fault(.0))]
    WrongScheme(ServerUrl),
    /// The connection to a server failed.
    #[error("{url}: {reason}")]
    Unreachable {
        /// The server's URL.
        url: ServerUrl,
        /// The reason, as one line.
        reason: String,
    },
    /// A server returned an error response.
    #[error(transparent)]
    Refused(Box<ErrorResponse>),
    /// A server returned a response that a wasmstore server never returns.
    #[error("{url} is not a wasmstore server, or it is broken: {reason}")]
    InvalidResponse {
        /// The server's URL.
        url: ServerUrl,
        /// The fault of the response.
        reason: String,
    },
    /// git cannot serve the store, because too many refs would have to be hidden from it.
    #[error(
        "the store has too many broken refs to serve it with git: hiding them takes {0} patterns; `wasmstore verify` lists the broken refs: repair or delete them"
    )]
    TooManyBrokenRefs(usize),
    /// There is no mirror with this name.
    #[error("there is no mirror {0}")]
    UnknownMirror(MirrorName),
    /// A git remote with this name exists.
    #[error("a git remote named {0} already exists")]
    MirrorExists(MirrorName),
    /// The repository at a mirror's URL has a ref with commits that are not from this store. A push would delete the ref.
    #[error(
        "{url} has {name}, which is not from this store and would be deleted; keep it with `wasmstore clone`, or add the mirror with --force to delete it"
    )]
    UnrelatedRepository {
        /// The repository's URL.
        url: RemoteUrl,
        /// The name of the ref in that repository.
        name: String,
    },
    /// The mirror was removed during a push to it.
    #[error("mirror {0} was removed during the push")]
    MirrorRemoved(MirrorName),
    /// Another process held the lock of the mirror until the time limit.
    #[error("another process is pushing to mirror {0}; try again")]
    MirrorBusy(MirrorName),
    /// Pushes to some of several mirrors failed.
    #[error("cannot push to {failed} of {all} mirrors: {reasons}")]
    MirrorPushes {
        /// The number of failed pushes.
        failed: usize,
        /// The number of mirrors.
        all: usize,
        /// The name of each failed mirror, with the reason of its failure.
        reasons: String,
    },
}

fn scheme_fault(url: &ServerUrl) -> &'static str {
    if url.is_tls() {
        "the port speaks plain HTTP, not TLS"
    } else {
        "the port speaks TLS, not plain HTTP"
    }
}

/// A result with the error type of the module `remote`.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Returns the kind of an error of a store, in a local directory or on a server; `None` for any other error.
    pub fn kind(&self) -> Option<ErrorKind> {
        match self {
            Self::Store(error) => Some(error.kind()),
            Self::Oci(error) => Some(error.kind()),
            Self::Refused(response) => Some(response.kind()),
            _ => None,
        }
    }

    /// Returns the error for the unexpected input `what` to a hook.
    pub(super) fn hook_protocol(what: String) -> Self {
        Self::HookProtocol(io::Error::other(what))
    }

    /// Returns a function that converts a git error about the repository at `url` to [`Error::GitRemote`]. The function removes the secrets
    /// of the URL from the error text.
    pub(super) fn git_remote(url: &RemoteUrl) -> impl FnOnce(git::Error) -> Self {
        let url = url.clone();
        move |error| {
            let reason = url.redact(&store::chain(&error)).into_owned();
            Self::GitRemote { url, reason }
        }
    }

    /// Returns whether git reported that a repository needs a user name and a password, or does not accept the given ones.
    pub fn is_git_authentication(&self) -> bool {
        let words = [
            "unable to get password",
            "could not read Username",
            "could not read Password",
            "Authentication failed",
        ];
        matches!(self, Self::GitRemote { reason, .. } if words.iter().any(|words| reason.contains(words)))
    }
}
