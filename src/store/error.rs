//! The errors of the store.

use std::io;
use std::path::{Path, PathBuf};

use crate::index;
use crate::names::{self, CommitId, Digest, ModulePath};
use crate::repo;
use crate::wasm;

/// An error of an operation on the store. Users read its text, which says what was wrong and with which input.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No module has this path or hash.
    #[error("there is no module {0}")]
    NoModule(String),
    /// No path of the tree has the module with this hash or digest, but a path of an earlier commit had it.
    #[error(
        "no path has {name} now; {path} had it in commit {commit}: add `--commit {commit}`, or `?commit={commit}` to a URL",
        path = .former.0, commit = .former.1
    )]
    NotCurrent {
        /// The hash or digest.
        name: String,
        /// The path, and a commit with the module at this path.
        former: Box<(ModulePath, CommitId)>,
    },
    /// The path is a directory, but a module is required.
    #[error("{0} is a directory, not a module")]
    IsDirectory(String),
    /// There is no directory at this path.
    #[error("there is no directory {0}")]
    NoDirectory(String),
    /// A directory was not removed, because the request did not ask for a recursive removal.
    #[error("{0} is a directory and was not removed, because the removal is not recursive")]
    DirectoryNotRemoved(String),
    /// A glob matches no module.
    #[error("no module matches {0}")]
    NoMatch(String),
    /// A copy or a move would replace existing modules.
    #[error("there {}", match .paths.as_slice() {
        [path] => format!("is a module at {path} already"),
        paths => format!("are modules at {} and {} other paths already", paths[0], paths.len() - 1),
    })]
    ModulesExist {
        /// The paths of the existing modules, sorted, each with a leading slash; at least one.
        paths: Vec<String>,
    },
    /// A copy or a move was refused.
    #[error("cannot {verb} {from} to {to}: {reason}")]
    NotRelocated {
        /// The refused operation: `copy` or `move`.
        verb: &'static str,
        /// The path to copy or move.
        from: String,
        /// The new path.
        to: String,
        /// Why the copy or move is not possible.
        reason: String,
    },
    /// The module has no WIT, or wasmstore cannot show its WIT.
    #[error("cannot show the WIT of {name}: {reason}")]
    NoWit {
        /// The path, hash or digest of the module.
        name: String,
        /// Why there is no WIT to show.
        reason: String,
    },
    /// A commit changes too many paths for the version index.
    #[error("commit {commit} cannot be added to the version index: {reason}")]
    NotIndexed {
        /// The commit.
        commit: CommitId,
        /// What exceeds which limit.
        reason: String,
    },
    /// The WIT of a module could not be read, but a later attempt may succeed.
    #[error("cannot read the WIT of the module now")]
    WitBusy(#[source] wasm::WitError),
    /// The path has no version with the requested index.
    #[error("{path} has no version {index}: there are {count}, counted from 0")]
    NoVersion {
        /// The path of the module.
        path: String,
        /// The requested index.
        index: usize,
        /// The number of versions of the path.
        count: usize,
    },
    /// The path never existed.
    #[error("there has never been anything at {0}")]
    NeverExisted(String),
    /// No commit id begins with these digits, and no branch or tag has this name.
    #[error("there is no commit {0}, and no branch or tag of that name")]
    UnknownRevision(String),
    /// Several commit ids begin with these digits.
    #[error("{digits} is ambiguous: the commits {} begin with it; use more digits", .candidates.join(", "))]
    AmbiguousCommit {
        /// The beginning of the ids.
        digits: String,
        /// Some of the commits whose ids begin with the digits.
        candidates: Vec<String>,
    },
    /// No branch and no tag has this name.
    #[error("there is no branch or tag {0:?}")]
    UnknownName(String),
    /// The tag does not exist.
    #[error("there is no tag {0:?}")]
    UnknownTag(String),
    /// The tag exists already.
    #[error("tag {0:?} already exists")]
    TagExists(String),
    /// A step of a revision name, such as `main~5`, leads to no commit.
    #[error("there is no commit {name}: {reason}")]
    NoAncestor {
        /// The revision name.
        name: String,
        /// Why there is no such commit.
        reason: String,
    },
    /// The branch has no commit yet.
    #[error("branch {0:?} has no commit yet")]
    NoCommit(String),
    /// A module that was uploaded for a preview was not committed in time, so the file with its bytes was deleted.
    #[error(
        "the uploaded file for {0} is not there any more: files that are not committed are kept for a day; upload it again"
    )]
    NotKept(String),
    /// The precondition of a write does not hold.
    #[error("the precondition failed: {current}")]
    PreconditionFailed {
        /// A description, for the user, of the state that does not fulfil the precondition.
        current: String,
    },
    /// Two modules of one upload have the same path.
    #[error("two modules would be at {0}")]
    SamePath(String),
    /// An upload has too many modules.
    #[error("there are more than {0} modules: send them in several requests")]
    TooManyModules(usize),
    /// The name of one module of an upload is not a legal path.
    #[error("cannot accept {name}")]
    EntryName {
        /// The name, as the client sent it.
        name: String,
        /// Why the name is not legal.
        source: names::Error,
    },
    /// A precondition names a path that the request does not write.
    #[error("the precondition names {0}, but the request does not write this path")]
    UnusedCondition(String),
    /// There is a precondition for all written paths, but the request does not name the paths that it writes.
    #[error(
        "a precondition for all written paths is not possible, because the request does not name these paths: name them in the precondition"
    )]
    NoWrittenPaths,
    /// There is no change left to roll back. The text names the path, if any.
    #[error("nothing to roll back{0}")]
    NothingToRollBack(String),
    /// The bytes are not a valid module, or could not be read to their end.
    #[error("cannot accept {name}")]
    Invalid {
        /// The path or hash of the module, or the file that it was read from.
        name: String,
        /// Why the module was not accepted, with the byte offset.
        source: wasm::Error,
    },
    /// The bytes of a module do not have the digest that the user expects.
    #[error("the digest of {name} is {actual}, not {expected}: nothing was stored")]
    OtherDigest {
        /// The path of the module, or the file that it was read from.
        name: String,
        /// The digest that the user expects.
        expected: Digest,
        /// The digest of the bytes.
        actual: Digest,
    },
    /// A path, hash or other name is malformed.
    #[error(transparent)]
    Name(#[from] names::Error),
    /// An error of the git repository.
    #[error(transparent)]
    Repo(#[from] repo::Error),
    /// The version index failed and could not be rebuilt.
    #[error(transparent)]
    Index(#[from] index::Error),
    /// The store is a replica and accepts changes only from its primary.
    #[error(
        "this store is a replica of {primary}: make changes there; \
         `git --git-dir {root:?} config --unset wasmstore.replicaOf` makes it an independent store"
    )]
    Replica {
        /// The URL of the primary.
        primary: String,
        /// The directory of this store.
        root: PathBuf,
    },
    /// The store ceased to be a replica before it had everything that its primary has.
    #[error(
        "{root:?} is not a replica any more, but never had everything that {primary} has; \
         `git --git-dir {root:?} config wasmstore.replicaOf {primary}` makes it a replica again"
    )]
    NeverInSync {
        /// The URL of the primary.
        primary: String,
        /// The directory of this store.
        root: PathBuf,
    },
    /// The store is a local copy of a store in a bucket, and this process was started without the bucket.
    #[error(
        "{root:?} is a copy of the store in {url}, and only the bucket accepts changes: write with `wasmstore --root {root:?}`, or through a server"
    )]
    CopyOfBucket {
        /// The URL of the bucket.
        url: String,
        /// The directory of this store.
        root: PathBuf,
    },
    /// The directory is a local copy of a store, but not of the store in this bucket.
    #[error(
        "{root:?} is a copy of another store than the one in {url}: choose another directory with --root, or delete this copy"
    )]
    CopyOfOther {
        /// The directory of the copy.
        root: PathBuf,
        /// The URL of the bucket.
        url: String,
    },
    /// The directory has a history that is not in the bucket. The history of the store in the bucket would replace it.
    #[error(
        "{root:?} has a history of its own, which the store in {url} would replace: choose another directory with --root, \
         or move this store into an empty bucket with `wasmstore bucket init {url} --from {root:?}`"
    )]
    OwnHistoryNotShared {
        /// The path of the directory.
        root: PathBuf,
        /// The URL of the bucket.
        url: String,
    },
    /// The store cannot become a replica, because the primary's history would replace its own history.
    #[error(
        "{root:?} has a history of its own, which the history of {primary} would replace: choose another directory with --root; \
         if the history may be lost, run `git --git-dir {root:?} config wasmstore.replicaOf {primary}` first"
    )]
    OwnHistory {
        /// The directory of this store.
        root: PathBuf,
        /// The URL of the primary.
        primary: String,
    },
    /// A ref of the replica could not be made equal to the ref of the primary.
    #[error("cannot make {name} equal to the ref of the primary: {refusal}")]
    RefNotSynced {
        /// The full name of the ref.
        name: String,
        /// Why the update was refused.
        refusal: repo::Refusal,
    },
    /// A file outside of the store could not be read or written.
    #[error("cannot {action} {path:?}")]
    File {
        /// A verb that completes the message `cannot … PATH`: `read`, `write`, ….
        action: &'static str,
        /// The path of the file.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// The writer to which the result is written failed.
    #[error("cannot write the output")]
    Output(#[source] io::Error),
    /// The directory for an export or a clone exists and is not empty.
    #[error("{0:?} exists and is not empty")]
    TargetNotEmpty(PathBuf),
}

/// The result type of the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Returns the error for a module that is invalid or could not be read to its end. `name` identifies the module.
    pub fn invalid(name: &str, source: wasm::Error) -> Self {
        let name = name.to_owned();
        Self::Invalid { name, source }
    }

    /// Returns the error for a path that is needed both for a module and for a directory.
    pub fn path_taken(path: String, existing: String, kind: &'static str) -> Self {
        Self::Repo(repo::Error::PathTaken {
            path,
            existing,
            kind,
        })
    }

    /// Returns the error for a file or directory outside of the store that cannot be read.
    pub fn unreadable(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self::File {
            action: "read",
            path,
            source,
        }
    }

    /// Returns the paths that the error is about, sorted, each with a leading slash; an empty slice if the error is not about a conflict of
    /// paths.
    pub fn conflicting_paths(&self) -> &[String] {
        match self {
            Self::Repo(repo::Error::MergeConflict { paths }) => paths,
            Self::Repo(repo::Error::PathTaken { existing, .. }) => std::slice::from_ref(existing),
            Self::DirectoryNotRemoved(path) => std::slice::from_ref(path),
            Self::ModulesExist { paths } => paths,
            _ => &[],
        }
    }

    /// Returns the name in the error if the error says that there is no branch with this name, or neither a branch nor a tag.
    pub fn unknown_branch(&self) -> Option<&str> {
        match self {
            Self::UnknownName(name) => Some(name),
            Self::Repo(repo::Error::UnknownBranch(branch)) => Some(branch),
            _ => None,
        }
    }

    /// Returns whether the cause of the error is that the bucket of the store cannot be reached at the moment.
    pub fn is_unreachable(&self) -> bool {
        let mut cause = match self {
            Self::Repo(error) => error,
            _ => return false,
        };
        while let repo::Error::Batch(error) = cause {
            cause = error;
        }
        matches!(cause, repo::Error::Unreachable { .. })
    }

    /// Returns whether nothing was changed because other writers changed the branch first, each time that the write was tried.
    pub fn is_overtaken(&self) -> bool {
        matches!(self, Self::Repo(repo::Error::Moved(_)))
    }

    /// Returns whether it is unknown if the write was made.
    pub fn is_unconfirmed(&self) -> bool {
        matches!(self, Self::Repo(repo::Error::Unconfirmed { .. }))
    }

    /// Returns whether the error says that the directory exists but is not a store.
    pub fn is_not_a_store(&self) -> bool {
        matches!(self, Self::Repo(repo::Error::NotAStore { .. }))
    }

    /// Returns whether the error says that an object is missing. A concurrent `gc` may have removed the object, so another attempt may
    /// succeed.
    pub(super) fn is_missing_object(&self) -> bool {
        matches!(self, Self::Repo(error) if error.is_missing_object())
    }
}
