//! Files with secrets that other users can read.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The directory in which containers mount their secrets. The modes of its files do not matter, because a container has only one user.
const CONTAINER_SECRETS: &str = "/run/secrets";

/// Returns whether other users can read a file. If root owns the file, its group may read it: this is how root gives the server's user
/// access to the file.
pub(super) fn is_readable_by_others(metadata: &Metadata) -> bool {
    let readers = if metadata.uid() == 0 { 0o004 } else { 0o044 };
    metadata.mode() & readers != 0
}

/// Logs a warning if other users can read a file with secrets. `secrets` names them in the warning. A missing file is ignored here,
/// because the code that reads the file reports it.
pub(super) fn warn_if_readable_by_others(path: &Path, secrets: &str) {
    let metadata = path.metadata().ok().filter(Metadata::is_file);
    if metadata.is_some_and(|metadata| is_readable_by_others(&metadata))
        && !path.starts_with(CONTAINER_SECRETS)
    {
        tracing::warn!("{path:?} contains {secrets}, and others can read it: run chmod 600");
    }
}
