//! Files with secrets that other users can read.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Where containers mount their secrets. There the mode says nothing, because a container has one user.
const CONTAINER_SECRETS: &str = "/run/secrets";

/// Returns whether other users can read a file. A file of root may be readable by its group: that is how root passes it to the
/// server's user.
pub(super) fn is_readable_by_others(metadata: &Metadata) -> bool {
    let readers = if metadata.uid() == 0 { 0o004 } else { 0o044 };
    metadata.mode() & readers != 0
}

/// Logs a warning if other users can read a file that contains `secrets`. A missing file is reported by whoever reads it.
pub(super) fn warn_if_readable_by_others(path: &Path, secrets: &str) {
    let metadata = path.metadata().ok().filter(Metadata::is_file);
    if metadata.is_some_and(|metadata| is_readable_by_others(&metadata))
        && !path.starts_with(CONTAINER_SECRETS)
    {
        tracing::warn!("{path:?} contains {secrets}, and others can read it: run chmod 600");
    }
}
