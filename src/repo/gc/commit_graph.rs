//! The commit-graph (gitformat-commit-graph(5)): what makes git's walks fast, above all `git log -- PATH`.
//!
//! It is derived from what refs reach, and nothing rests on it. It must not name a commit that is gone, which git would take for
//! there: `gc` removes it, durably, before it deletes objects, and has git write a new one when it has, while `backup.lock` keeps
//! any other `gc` away. A crash in between leaves none.
//!
//! git writes it in a folder of ours, and it gets its place by a rename. So a git that fails or is killed leaves nothing among the
//! objects, and the lock file of an outside git, which may be dead, is neither waited for nor removed: if both write a graph, the
//! one that comes later stays, and either will do.

use std::fs;
use std::io;
use std::path::Path;

use crate::git::Git;
use crate::repo::error::{Error, Result, chain};
use crate::repo::failpoints;
use crate::repo::fs::remove_if_there;
use crate::repo::fs::{create_dir, sync_dir, sync_file};
use crate::repo::lifecycle::scratch_dirs::gc_dir;
use crate::repo::objects::db::ObjectDb;

/// Removes the commit-graph, and those that outside gits split theirs into, durably.
pub(crate) fn remove_commit_graph(root: &Path) -> Result<()> {
    let info = root.join("objects/info");
    remove_if_there(&info.join("commit-graph"))?;
    let chain = info.join("commit-graphs");
    match fs::remove_dir_all(&chain) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        removed => removed.map_err(Error::io("remove", &chain))?,
    }
    match info.exists() {
        true => sync_dir(&info),
        false => Ok(()),
    }
}

/// Writes a commit-graph of all that refs reach; while `backup.lock` is held. If that fails there is none, which is told.
pub(crate) fn write_commit_graph(objects: &ObjectDb, git: &Git) {
    if let Err(error) = try_write(objects, git) {
        let reason = chain(&error);
        tracing::warn!(reason, "there is no commit-graph: `git log` is slower");
    }
}

fn try_write(objects: &ObjectDb, git: &Git) -> Result<()> {
    let folder = gc_dir(&objects.own_dir())?;
    // A git that outlived a killed `gc` does not come to write into it.
    let folder = tempfile::tempdir_in(&folder).map_err(Error::io("create a folder in", &folder))?;
    let Some(graph) = git.write_commit_graph(folder.path())? else {
        return Ok(());
    };
    sync_file(&graph)?;
    let info = objects.root().join("objects/info");
    create_dir(&info)?;
    let place = info.join("commit-graph");
    failpoints::step("rename graph")
        .and_then(|()| fs::rename(&graph, &place))
        .map_err(Error::io("rename to", &place))
}
