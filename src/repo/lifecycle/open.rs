//! Recognizing a store that does not exist yet, or whose creation was interrupted.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use crate::repo::error::{Error, Result};
use crate::repo::fs::{names_in, remove_if_there, remove_tree};
use crate::repo::refs::lock::PACKED_REFS;

/// The file in `ROOT/wasmstore` that exists while a store is created.
pub(crate) const CREATING: &str = "creating";

/// The files and directories that the creation of a store makes in `ROOT/wasmstore` before it writes the file [`CREATING`].
const BEGUN_NAMES: [&str; 3] = ["refs.gate", "refs.lock", "tmp"];

/// The files and directories that the creation of a store makes before it writes `HEAD`.
pub(crate) const CREATED_NAMES: [&str; 5] = ["objects", "refs", "hooks", "config", "description"];

/// Returns whether there is no store at `root` yet: the directory is missing or empty, or its creation was interrupted. A directory
/// that contains other files but no `HEAD` belongs to another program and must not be overwritten, so this returns `false` for it.
pub(crate) fn is_absent(root: &Path) -> Result<bool> {
    let names = match names_in(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        names => names.map_err(Error::io("open", root))?,
    };
    if names.iter().any(|name| name == "HEAD") || root.join("HEAD").exists() {
        return Ok(false);
    }
    // The directory is read only once: if another process is creating the store right now, the names in this one listing include its marker
    // file.
    let own_names = names_in(&root.join("wasmstore")).unwrap_or_default();
    let is_marked = own_names.iter().any(|name| name == CREATING);
    let is_begun = |name: &OsString| BEGUN_NAMES.iter().any(|begun| name == begun);
    let has_just_begun = names == ["wasmstore"] && own_names.iter().all(is_begun);
    Ok(names.is_empty() || is_marked || has_just_begun)
}

/// Removes the files of an interrupted creation or clone. The marker file exists, and the caller holds `refs.lock`.
pub(crate) fn clear(root: &Path) -> Result<()> {
    let created = CREATED_NAMES.iter().chain(&["wasmstore/tmp", PACKED_REFS]);
    for path in created.map(|name| root.join(name)) {
        if path.is_dir() {
            remove_tree(&path)?;
        } else {
            remove_if_there(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_creation_that_was_interrupted_before_its_marker_file_is_begun_again() {
        let root = tempfile::tempdir().unwrap();
        let tmp = root.path().join("wasmstore/tmp");
        fs::create_dir_all(&tmp).unwrap();
        fs::write(root.path().join("wasmstore/refs.lock"), "").unwrap();
        fs::write(tmp.join("unfinished"), "").unwrap();
        assert!(is_absent(root.path()).unwrap());
        fs::create_dir(root.path().join("wasmstore/files")).unwrap();
        assert!(!is_absent(root.path()).unwrap());
    }
}
