//! Verifying the files that are derived from objects: modules that were written to files, and the commit-graph.

use std::fs;
use std::path::{Path, PathBuf};

use crate::git::{self, Git};
use crate::repo::error::{Error, Result, chain};
use crate::repo::fs::remove_if_there;
use crate::repo::lifecycle::scratch_dirs::files_dir;
use crate::repo::objects::db::ObjectDb;
use crate::repo::packs::derived::remove_commit_graph;
use crate::repo::verify::check::VerifyGuard;
use crate::repo::verify::findings::{FaultSeverity, StoreFault};

/// Checks the files of modules in `ROOT/wasmstore/files` and the commit-graph, reports their faults, and removes the faulty files if
/// `remove` is set.
///
/// # Errors
/// A faulty file cannot be removed.
pub(crate) fn verify_derived(
    objects: &ObjectDb,
    _: &VerifyGuard,
    remove: bool,
    report: &mut dyn FnMut(StoreFault),
) -> Result<()> {
    for (file, hash) in faulty_files(objects) {
        report(StoreFault {
            subject: file.display().to_string(),
            location: None,
            reason: format!("its content is that of module {hash}"),
            severity: FaultSeverity::Damage,
        });
        if remove {
            remove_if_there(&file)?;
        }
    }
    if let Some(reason) = commit_graph_fault(objects.root()) {
        report(StoreFault {
            subject: "commit-graph".to_owned(),
            location: None,
            reason,
            severity: FaultSeverity::Damage,
        });
        if remove {
            remove_commit_graph(objects.root())?;
        }
    }
    Ok(())
}

/// Returns the files in `ROOT/wasmstore/files` whose content does not match the hash in their name, each with the hash of its content.
fn faulty_files(objects: &ObjectDb) -> Vec<(PathBuf, gix::ObjectId)> {
    let Some(format) = objects.format() else {
        return Vec::new();
    };
    let files = fs::read_dir(files_dir(&objects.own_dir()))
        .into_iter()
        .flatten()
        .flatten();
    let faulty = files.filter_map(|file| {
        let path = file.path();
        // A file that is being written has a temporary name.
        let stem = path.file_stem()?.to_str()?;
        let named = gix::ObjectId::from_hex(stem.as_bytes()).ok()?;
        let bytes = fs::read(&path).ok()?;
        let hash = gix::objs::compute_hash(format, gix::objs::Kind::Blob, &bytes).ok()?;
        (hash != named).then_some((path, hash))
    });
    faulty.collect()
}

/// Returns the fault that git finds in the commit-graph; `None` if there is no fault, no commit-graph or no git.
fn commit_graph_fault(root: &Path) -> Option<String> {
    let info = root.join("objects/info");
    let graphs = ["commit-graph", "commit-graphs"].map(|name| info.join(name));
    if !graphs.iter().any(|graph| graph.exists()) {
        return None;
    }
    match Git::find(root)?.verify_commit_graph() {
        Err(error @ git::Error::Failed { .. }) => Some(chain(&Error::from(error))),
        Err(error) => {
            tracing::warn!(%error, "the commit-graph was not checked");
            None
        }
        Ok(()) => None,
    }
}
