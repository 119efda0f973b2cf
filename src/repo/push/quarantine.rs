//! What a git-receive-pack(1) leaves that was killed: objects in quarantine, and marks that have a pack kept.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::repo::error::{Error, Result};
use crate::repo::fs::names_in;
use crate::repo::fs::remove_if_there;

/// How long nothing of it may have changed for it to be nobody's any more: git writes on, however slow who pushes is.
const AGE_MIN: Duration = Duration::from_secs(24 * 3600);
/// What git names a quarantine by, in the folder of objects.
const QUARANTINE: &str = "tmp_objdir-";
/// What git writes into a mark (git-index-pack(1), `--keep`).
const MARKS: [&str; 2] = ["receive-pack ", "fetch-pack "];

/// Removes what killed pushes left; while `lock` is held exclusive.
pub(crate) fn clear_dead_pushes(root: &Path) -> Result<()> {
    let long_ago = SystemTime::now() - AGE_MIN;
    let objects = root.join("objects");
    for name in names_in(&objects).map_err(Error::io("read", &objects))? {
        let path = objects.join(&name);
        if name.to_string_lossy().starts_with(QUARANTINE) && is_older(&path, long_ago) {
            tracing::info!(?path, "removing what a killed push left");
            fs::remove_dir_all(&path).map_err(Error::io("remove", &path))?;
        }
    }
    let packs = objects.join("pack");
    for name in names_in(&packs).map_err(Error::io("read", &packs))? {
        let path = packs.join(&name);
        let is_mark = path.extension().is_some_and(|part| part == "keep");
        if is_mark && is_older(&path, long_ago) && is_git_s(&path) {
            remove_if_there(&path)?;
        }
    }
    Ok(())
}

/// Whether a file, or a folder with all that is in it, last changed before that time. What cannot be told is young.
fn is_older(path: &Path, than: SystemTime) -> bool {
    let changed = |path: &Path| fs::symlink_metadata(path)?.modified();
    let inside = || -> io::Result<bool> {
        let names = match path.is_dir() {
            true => names_in(path)?,
            false => Vec::new(),
        };
        Ok(names.iter().all(|name| is_older(&path.join(name), than)))
    };
    changed(path).is_ok_and(|changed| changed < than) && inside().unwrap_or(false)
}

/// Whether git wrote the mark, and no person.
fn is_git_s(mark: &Path) -> bool {
    let text = fs::read_to_string(mark).unwrap_or_default();
    MARKS.iter().any(|start| text.starts_with(start))
}
