//! The messages and trailers of our own commits (API: History).

use crate::names::{CommitId, ModuleHash, ModulePath, TreePath};

/// The trailer of a rollback: the commit whose content it brought back.
pub(super) const RESTORES: &str = "Restores";
/// The trailer of a squashed commit.
pub(super) const SQUASHED: &str = "Squashed";

pub(super) fn import(place: &TreePath) -> String {
    with_place("Import", place)
}

pub(super) fn set(path: &ModulePath, hash: ModuleHash) -> String {
    format!("Set {path} {hash}")
}

pub(super) fn remove(what: &str) -> String {
    format!("Remove {what}")
}

pub(super) fn restore(place: &TreePath) -> String {
    with_place("Restore", place)
}

pub(super) fn rollback(place: &TreePath) -> String {
    with_place("Rollback", place)
}

pub(super) fn merge(branch: &str) -> String {
    format!("Merge {branch}")
}

/// `message` with the trailer of a rollback to `commit`.
pub(super) fn restoring(message: &str, commit: CommitId) -> String {
    format!("{message}\n\n{RESTORES}: {commit}")
}

/// No path for the whole tree.
fn with_place(verb: &str, place: &TreePath) -> String {
    if place.is_root() {
        verb.to_owned()
    } else {
        format!("{verb} {place}")
    }
}
