//! The kinds of the store's errors, which determine the HTTP status and the exit code.

use std::io;

use super::error::Error;
use crate::{index, names, repo, wasm};

/// The kind of an error. It determines the HTTP status and the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request names a branch, commit, module or version that does not exist.
    NotFound,
    /// The bytes are not a valid module.
    InvalidModule,
    /// The module is larger than the limit.
    TooLarge,
    /// A path, hash, branch, commit, author or message is malformed.
    Malformed,
    /// The request conflicts with the current state.
    Conflict,
    /// The precondition of the request does not hold.
    Precondition,
    /// The input could not be read to its end, or the output could not be written.
    Input,
    /// Other processes held a lock for too long; the same request may succeed later.
    Busy,
    /// The disk is full.
    Full,
    /// The file system or its permissions forbid changes of the store.
    ReadOnly,
    /// The store cannot be opened, read or written.
    Unavailable,
}

impl Error {
    /// Returns the kind, which determines the HTTP status and the exit code.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoModule(_)
            | Self::NotCurrent { .. }
            | Self::IsDirectory(_)
            | Self::NoDirectory(_)
            | Self::NoMatch(_)
            | Self::NoWit { .. }
            | Self::NoVersion { .. }
            | Self::NeverExisted(_)
            | Self::NoCommit(_)
            | Self::UnknownRevision(_)
            | Self::UnknownName(_)
            | Self::UnknownTag(_)
            | Self::NoAncestor { .. }
            | Self::NotKept(_) => ErrorKind::NotFound,
            Self::DirectoryNotRemoved(_)
            | Self::NothingToRollBack(_)
            | Self::AmbiguousCommit { .. }
            | Self::TagExists(_)
            | Self::ModulesExist { .. }
            | Self::NotRelocated { .. }
            | Self::TargetNotEmpty(_)
            | Self::Replica { .. }
            | Self::NeverInSync { .. }
            | Self::CopyOfBucket { .. }
            | Self::CopyOfOther { .. }
            | Self::OwnHistoryNotShared { .. }
            | Self::NotIndexed { .. }
            | Self::OwnHistory { .. } => ErrorKind::Conflict,
            Self::PreconditionFailed { .. } => ErrorKind::Precondition,
            Self::SamePath(_)
            | Self::UnusedCondition(_)
            | Self::NoWrittenPaths
            | Self::OtherDigest { .. } => ErrorKind::Malformed,
            Self::TooManyModules(_) => ErrorKind::TooLarge,
            Self::EntryName { source, .. } => name_kind(source),
            Self::RefNotSynced { .. } | Self::WitBusy(_) => ErrorKind::Busy,
            Self::Invalid { source, .. } => module_kind(source),
            Self::Name(error) => name_kind(error),
            Self::Repo(error) => repo_kind(error),
            Self::Index(error) => index_kind(error),
            Self::File { .. } | Self::Output(_) => ErrorKind::Input,
        }
    }
}

fn name_kind(error: &names::Error) -> ErrorKind {
    match error {
        names::Error::SimilarSegment { .. } => ErrorKind::Conflict,
        _ => ErrorKind::Malformed,
    }
}

fn module_kind(error: &wasm::Error) -> ErrorKind {
    match error {
        wasm::Error::ModuleTooLarge { .. } => ErrorKind::TooLarge,
        wasm::Error::SectionTooLarge { .. }
        | wasm::Error::TooMuchWork { .. }
        | wasm::Error::Invalid { .. }
        | wasm::Error::Panicked => ErrorKind::InvalidModule,
        wasm::Error::Read(_) | wasm::Error::Cancelled => ErrorKind::Input,
        wasm::Error::OutOfMemory => ErrorKind::Busy,
    }
}

fn index_kind(error: &index::Error) -> ErrorKind {
    match error {
        index::Error::TooManyNames => ErrorKind::Malformed,
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
        | E::TagClash { .. }
        | E::DefaultBranch(_)
        | E::PathTaken { .. }
        | E::MergeConflict { .. }
        | E::NotReplica
        | E::UncollectableRef(_) => ErrorKind::Conflict,
        E::Name(error) => name_kind(error),
        E::Busy(_) | E::Moved(_) | E::Unreachable { .. } => ErrorKind::Busy,
        E::LimitExceeded { .. } => ErrorKind::TooLarge,
        E::UploadsFull => ErrorKind::Full,
        E::Batch(error) => repo_kind(error),
        E::NotAStore { .. }
        | E::BrokenRef(_)
        | E::Missing { .. }
        | E::Unconfirmed { .. }
        | E::Io { .. }
        | E::Database { .. }
        | E::Git(_) => match error.io_kind() {
            Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => ErrorKind::Full,
            Some(io::ErrorKind::ReadOnlyFilesystem) => ErrorKind::ReadOnly,
            Some(io::ErrorKind::PermissionDenied) if is_write(error) => ErrorKind::ReadOnly,
            _ => ErrorKind::Unavailable,
        },
    }
}

/// Returns whether the failed file operation was a write.
fn is_write(error: &repo::Error) -> bool {
    const READS: [&str; 5] = ["read", "open", "list", "find", "look for"];
    matches!(error, repo::Error::Io { action, .. } if !READS.contains(action))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_cannot_be_written_is_read_only() {
        use io::ErrorKind::{NotFound, PermissionDenied, ReadOnlyFilesystem};
        for (action, cause, expected) in [
            ("create", ReadOnlyFilesystem, ErrorKind::ReadOnly),
            ("open", ReadOnlyFilesystem, ErrorKind::ReadOnly),
            ("write a pack in", PermissionDenied, ErrorKind::ReadOnly),
            ("read", PermissionDenied, ErrorKind::Unavailable),
            ("write", NotFound, ErrorKind::Unavailable),
        ] {
            let error = repo::Error::Io {
                action,
                path: "a".into(),
                source: cause.into(),
            };
            let batch = repo::Error::Batch(std::sync::Arc::new(error));
            assert_eq!(repo_kind(&batch), expected, "{action}: {cause:?}");
        }
    }
}
