//! Removes the files left behind by git-receive-pack(1) processes that were killed: objects in quarantine, and `.keep` files of
//! packs.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::repo::error::{Error, Result};
use crate::repo::fs::names_in;
use crate::repo::fs::remove_if_there;

/// How long the files of a push must be unchanged before they count as abandoned. During a push, git keeps writing, however slow the client
/// is.
const AGE_MIN: Duration = Duration::from_secs(24 * 3600);
/// The prefix of git's quarantine directories in `objects/`.
const QUARANTINE_PREFIX: &str = "tmp_objdir-";
/// The possible first words of the `.keep` files that git writes during a push (git-index-pack(1), `--keep`).
const KEEP_TEXTS: [&str; 2] = ["receive-pack ", "fetch-pack "];

/// Removes the files left behind by pushes whose process was killed. The caller holds the repository's `lock` exclusively.
pub(crate) fn clear_dead_pushes(root: &Path) -> Result<()> {
    let long_ago = SystemTime::now() - AGE_MIN;
    let objects = root.join("objects");
    for name in names_in(&objects).map_err(Error::io("read", &objects))? {
        let path = objects.join(&name);
        if name.to_string_lossy().starts_with(QUARANTINE_PREFIX) && is_older(&path, long_ago) {
            tracing::info!(?path, "removing the quarantine of an abandoned push");
            fs::remove_dir_all(&path).map_err(Error::io("remove", &path))?;
        }
    }
    let packs = objects.join("pack");
    for name in names_in(&packs).map_err(Error::io("read", &packs))? {
        let path = packs.join(&name);
        let is_keep_file = path.extension().is_some_and(|part| part == "keep");
        if is_keep_file && is_older(&path, long_ago) && is_written_by_git(&path) {
            remove_if_there(&path)?;
        }
    }
    Ok(())
}

/// Returns whether a file, or a directory with everything in it, was last modified before `than`. If that cannot be determined, it
/// counts as recent.
fn is_older(path: &Path, than: SystemTime) -> bool {
    let modified = |path: &Path| fs::symlink_metadata(path)?.modified();
    let is_content_older = || -> io::Result<bool> {
        let names = if path.is_dir() {
            names_in(path)?
        } else {
            Vec::new()
        };
        Ok(names.iter().all(|name| is_older(&path.join(name), than)))
    };
    modified(path).is_ok_and(|modified| modified < than) && is_content_older().unwrap_or(false)
}

/// Returns whether git wrote the `.keep` file during a push. Users may create such files too; those stay.
fn is_written_by_git(keep_file: &Path) -> bool {
    let text = fs::read_to_string(keep_file).unwrap_or_default();
    KEEP_TEXTS.iter().any(|start| text.starts_with(start))
}
