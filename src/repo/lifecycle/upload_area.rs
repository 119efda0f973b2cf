//! The directories of unfinished uploads.

use crate::names::RepositoryName;

/// The directory to which an upload belongs. A client can continue an upload only in its own directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadArea {
    /// The blobs of a repository of the OCI registry.
    Repository(RepositoryName),
    /// The files that the web UI shows before they are committed.
    Previews,
    /// The modules that one user uploads in chunks. The bytes identify the user.
    Modules([u8; 16]),
}

impl UploadArea {
    /// Returns the path of the directory, relative to the directory of all uploads. No component of a repository name begins with `_`, so
    /// the names never clash.
    pub(super) fn dir(&self) -> String {
        match self {
            Self::Repository(name) => name.as_str().to_owned(),
            Self::Previews => "_previews".to_owned(),
            Self::Modules(user) => {
                let digits = user.iter().map(|byte| format!("{byte:02x}"));
                format!("_modules/{}", digits.collect::<String>())
            }
        }
    }
}

impl From<&RepositoryName> for UploadArea {
    fn from(name: &RepositoryName) -> Self {
        Self::Repository(name.clone())
    }
}
