//! Errors of archives.

use crate::names::printable_excerpt;

/// The error for an archive that cannot be read, or that has an entry other than a file or a directory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// The bytes do not begin with the header of an archive.
    #[error("the body is not a tar archive")]
    NotAnArchive,
    /// The bytes after an entry are not a header.
    #[error("the tar archive is damaged after {0}")]
    Damaged(String),
    /// The bytes end before the end of the archive.
    #[error("the tar archive is truncated: its end is missing")]
    Truncated,
    /// There are bytes after the end of the archive.
    #[error(
        "the tar archive continues after its end: archives cannot be joined, put all files into one"
    )]
    AfterEnd,
    /// An entry is not a file, or its name or extended header cannot be used.
    #[error("cannot accept {name}: {reason}")]
    Entry {
        /// The name of the entry.
        name: String,
        /// The reason why the entry is rejected.
        reason: &'static str,
    },
}

impl ArchiveError {
    pub(super) fn entry(name: &[u8], reason: &'static str) -> Self {
        let name = printable_excerpt(&String::from_utf8_lossy(name));
        Self::Entry { name, reason }
    }
}
