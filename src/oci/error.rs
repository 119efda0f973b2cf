//! Errors of the registry, and their codes in the OCI distribution specification ("Error Codes").

use crate::names::{self, OciDigest, RepositoryName};
use crate::store::{self, ErrorKind, RegistryError};

/// The error of a failed request to the registry.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such repository: the store has neither modules nor pushed manifests or blobs of it.
    #[error("there is no repository {0}")]
    NameUnknown(RepositoryName),
    /// The repository has no such manifest.
    #[error("repository {repository} has no manifest {reference}")]
    ManifestUnknown {
        /// The repository in the request.
        repository: RepositoryName,
        /// The tag or digest in the request.
        reference: String,
    },
    /// The repository has no such blob.
    #[error("repository {repository} has no blob {digest}")]
    BlobUnknown {
        /// The repository in the request.
        repository: RepositoryName,
        /// The digest in the request.
        digest: OciDigest,
    },
    /// A manifest names blobs or manifests that the repository does not have.
    #[error("push these blobs first: {0}")]
    ManifestBlobUnknown(String),
    /// A manifest was rejected.
    #[error("the manifest is not accepted: {0}")]
    ManifestInvalid(String),
    /// The module of a manifest would have a path that conflicts with an existing module or directory.
    #[error("the manifest is not accepted: {0}")]
    PathTaken(String),
    /// A manifest is too large.
    #[error("the manifest is larger than {bytes_max} bytes")]
    ManifestTooLarge {
        /// The maximum size of a manifest, in bytes.
        bytes_max: usize,
    },
    /// The bytes do not have the digest that the client sent.
    #[error("the content does not have the digest {0}")]
    DigestMismatch(OciDigest),
    /// There is no such upload, or it has expired.
    #[error("there is no upload {0}: it may have expired")]
    UploadUnknown(String),
    /// The blob is a module of the default branch, so it is only deleted with the module.
    #[error("the blob is the module {0}: delete the manifest or remove the module")]
    BlobInUse(String),
    /// The blob is the configuration that the store made for the manifests of modules, so it is only deleted with them.
    #[error("the blob is the configuration of a module's manifest: delete the manifest")]
    ConfigurationInUse,
    /// A name, tag or digest is malformed.
    #[error(transparent)]
    Name(#[from] names::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// A code of the OCI distribution specification ("Error Codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the specification defines the codes")]
pub enum ErrorCode {
    NameUnknown,
    ManifestUnknown,
    BlobUnknown,
    ManifestBlobUnknown,
    ManifestInvalid,
    SizeInvalid,
    DigestInvalid,
    BlobUploadUnknown,
    BlobUploadInvalid,
    Unsupported,
    NameInvalid,
    TooManyRequests,
    Denied,
    Unauthorized,
    Unknown,
}

impl ErrorCode {
    /// Returns the code in the form that responses contain, such as `NAME_UNKNOWN`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Self::ManifestInvalid => "MANIFEST_INVALID",
            Self::SizeInvalid => "SIZE_INVALID",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Self::Unsupported => "UNSUPPORTED",
            Self::NameInvalid => "NAME_INVALID",
            Self::TooManyRequests => "TOOMANYREQUESTS",
            Self::Denied => "DENIED",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// The result type of the registry.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Returns the kind of the error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NameUnknown(_)
            | Self::ManifestUnknown { .. }
            | Self::BlobUnknown { .. }
            | Self::ManifestBlobUnknown(_)
            | Self::UploadUnknown(_) => ErrorKind::NotFound,
            Self::ManifestInvalid(_) | Self::DigestMismatch(_) | Self::Name(_) => {
                ErrorKind::Malformed
            }
            Self::PathTaken(_) | Self::BlobInUse(_) | Self::ConfigurationInUse => {
                ErrorKind::Conflict
            }
            Self::ManifestTooLarge { .. } => ErrorKind::TooLarge,
            Self::Store(error) => error.kind(),
        }
    }

    /// Returns the error's code in the specification.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NameUnknown(_) => ErrorCode::NameUnknown,
            Self::ManifestUnknown { .. } => ErrorCode::ManifestUnknown,
            Self::BlobUnknown { .. } => ErrorCode::BlobUnknown,
            Self::ManifestBlobUnknown(_) => ErrorCode::ManifestBlobUnknown,
            Self::ManifestInvalid(_) | Self::PathTaken(_) => ErrorCode::ManifestInvalid,
            Self::ManifestTooLarge { .. } => ErrorCode::SizeInvalid,
            Self::DigestMismatch(_) => ErrorCode::DigestInvalid,
            Self::UploadUnknown(_) => ErrorCode::BlobUploadUnknown,
            Self::BlobInUse(_) | Self::ConfigurationInUse => ErrorCode::Unsupported,
            Self::Name(names::Error::OciName { kind: "digest", .. }) => ErrorCode::DigestInvalid,
            Self::Name(names::Error::OciName { kind: "tag", .. }) => ErrorCode::ManifestInvalid,
            // The store, too, can reject a name, because the path of a tag is longer than the name of its repository.
            Self::Name(_) | Self::Store(store::Error::Name(_)) => ErrorCode::NameInvalid,
            // The server's default branch does not exist (yet), so there is no repository.
            Self::Store(error) if error.unknown_branch().is_some() => ErrorCode::NameUnknown,
            Self::Store(error) => match error.kind() {
                ErrorKind::InvalidModule => ErrorCode::ManifestInvalid,
                ErrorKind::TooLarge => ErrorCode::SizeInvalid,
                ErrorKind::Busy | ErrorKind::Full => ErrorCode::TooManyRequests,
                ErrorKind::ReadOnly | ErrorKind::Conflict => ErrorCode::Denied,
                ErrorKind::NotFound
                | ErrorKind::Malformed
                | ErrorKind::Precondition
                | ErrorKind::Input => ErrorCode::Unsupported,
                ErrorKind::Unavailable => ErrorCode::Unknown,
            },
        }
    }
}

impl RegistryError for Error {
    fn is_missing_object(&self) -> bool {
        matches!(self, Self::Store(error) if RegistryError::is_missing_object(error))
    }
}
