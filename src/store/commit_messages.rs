//! The default messages and the trailers of commits that wasmstore makes.

use crate::names::{CommitId, ModuleHash, ModulePath, TreePath, with_trailer};

/// The name of the trailer of a rollback commit. The value of the trailer is the commit from which the content was restored.
pub const RESTORES: &str = "Restores";
/// The name of the trailer of the commit to which a `gc` squashed a branch.
pub(super) const SQUASHED: &str = "Squashed";

pub(super) fn import(path: &TreePath) -> String {
    with_path("Import", path)
}

pub(super) fn set(path: &ModulePath, hash: ModuleHash) -> String {
    format!("Set {path} {hash}")
}

pub(super) fn remove(name: &str) -> String {
    format!("Remove {name}")
}

pub(super) fn copy(from: &str, to: &TreePath) -> String {
    format!("Copy {from} to {to}")
}

pub(super) fn mv(from: &str, to: &TreePath) -> String {
    format!("Move {from} to {to}")
}

pub(super) fn restore(scope: &TreePath) -> String {
    with_path("Restore", scope)
}

pub(super) fn rollback(scope: &TreePath) -> String {
    with_path("Rollback", scope)
}

pub(super) fn merge(branch: &str) -> String {
    format!("Merge {branch}")
}

/// Appends a trailer to a commit message. The trailer says that the content of `commit` was restored.
pub(super) fn with_restores_trailer(message: &str, commit: CommitId) -> String {
    with_trailer(message, &format!("{RESTORES}: {commit}"))
}

/// Appends the trailer `Squashed: true` to a commit message. It says that the commit replaces a history that was squashed.
pub(super) fn with_squashed_trailer(message: &str) -> String {
    with_trailer(message, &format!("{SQUASHED}: true"))
}

/// Joins a verb and a path; returns only the verb for the root directory.
fn with_path(verb: &str, path: &TreePath) -> String {
    if path.is_root() {
        verb.to_owned()
    } else {
        format!("{verb} {path}")
    }
}
