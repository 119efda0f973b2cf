//! The commit-graph (gitformat-commit-graph(5)), a file that makes git's walks of the history fast, above all `git log -- PATH`.
//!
//! The file is derived from the commits that refs reach, and no operation needs it. It must not list a deleted commit, because git would
//! assume that the commit exists. So before `gc` deletes objects, it removes the commit-graph durably. Afterwards, it lets git write a new
//! one, while `backup.lock` excludes any other `gc`. After a crash in between there is no commit-graph.
//!
//! git writes the commit-graph to a directory below `ROOT/wasmstore`, and wasmstore renames it to its final path. So a git process that
//! fails or is killed leaves nothing in `objects/`. A git process that wasmstore did not start may hold the lock file of the commit-graph.
//! wasmstore neither waits for this lock file nor removes it: if both write a commit-graph, the later one replaces the other, and either is
//! correct.

use std::fs;

use crate::git::Git;
use crate::repo::error::{Error, Result, chain};
use crate::repo::failpoints;
use crate::repo::fs::{create_dir, sync_file};
use crate::repo::lifecycle::scratch_dirs::gc_dir;
use crate::repo::objects::db::ObjectDb;
use crate::sharing::share;

/// Writes a commit-graph of all commits that refs reach. If git fails or writes an invalid file, logs a warning. The caller must hold
/// `backup.lock`.
pub(crate) fn write_commit_graph(objects: &ObjectDb, git: &Git) {
    if let Err(error) = try_write(objects, git) {
        let reason = chain(&error);
        tracing::warn!(reason, "there is no commit-graph, so `git log` is slower");
    }
}

fn try_write(objects: &ObjectDb, git: &Git) -> Result<()> {
    let gc_dir = gc_dir(&objects.own_dir())?;
    // Uses a new directory for each run, so that a git process that survives a killed `gc` cannot write into it.
    let dir = tempfile::tempdir_in(&gc_dir).map_err(Error::io("create a directory in", &gc_dir))?;
    let Some(graph) = git.write_commit_graph(dir.path())? else {
        return Ok(());
    };
    sync_file(&graph)?;
    let info = objects.root().join("objects/info");
    create_dir(&info)?;
    let dest = info.join("commit-graph");
    failpoints::step("rename graph")
        .and_then(|()| fs::rename(&graph, &dest))
        .map(|()| share(&dest))
        .map_err(Error::io("rename to", &dest))
}
