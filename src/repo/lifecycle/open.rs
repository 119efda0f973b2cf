//! Recognizing a store that does not exist yet, or whose creation was interrupted.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

use crate::repo::error::{Error, Result};
use crate::repo::fs::names_in;

/// The file in `ROOT/wasmstore` that exists while a store is created.
pub(crate) const CREATING: &str = "creating";

/// What is moved to its place, before `HEAD`.
pub(crate) const PARTS: [&str; 5] = ["objects", "refs", "hooks", "config", "description"];

/// Says whether there is no store at `root` yet: nothing, an empty folder, or a creation that did not get to its end. Whatever
/// else is there without a `HEAD` is somebody's, and not to be written over.
pub(crate) fn is_absent(root: &Path) -> Result<bool> {
    let names = match names_in(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        names => names.map_err(Error::io("open", root))?,
    };
    if names.iter().any(|name| name == "HEAD") || root.join("HEAD").exists() {
        return Ok(false);
    }
    // One look at our folder: a creation may go on meanwhile, and whoever sees it half sees its mark.
    let own = names_in(&root.join("wasmstore")).unwrap_or_default();
    let is_marked = own.iter().any(|name| name == CREATING);
    let is_lock = |name: &OsString| name == "refs.gate" || name == "refs.lock";
    let has_just_begun = names == ["wasmstore"] && own.iter().all(is_lock);
    Ok(names.is_empty() || is_marked || has_just_begun)
}

/// Removes what a creation that was cut short has made, of a new store or of another repository's copy. It had the mark of a
/// creation, and `refs.lock` is held.
pub(crate) fn clear(root: &Path) -> Result<()> {
    let made = PARTS.iter().chain(&["wasmstore/clone", "wasmstore/tmp"]);
    for path in made.map(|name| root.join(name)) {
        let removed = match path.is_dir() {
            true => fs::remove_dir_all(&path),
            false => fs::remove_file(&path),
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::io("remove", &path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}
