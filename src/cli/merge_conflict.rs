//! The error and the hint for a merge that failed because both branches changed the same paths.

use super::exit::Error;
use super::settings::Settings;
use super::shell_word::shell_word;
use crate::names::BranchName;
use crate::remote;
use crate::store::ErrorKind;

/// Converts the error of a merge. If the error is a conflict, adds `theirs`, the name of the branch that was merged.
pub(super) fn with_branch(error: remote::Error, theirs: &BranchName) -> Error {
    let paths = match &error {
        remote::Error::Store(error) => error.conflicting_paths(),
        remote::Error::Refused(response) if response.kind() == ErrorKind::Conflict => {
            &response.paths
        }
        _ => &[],
    };
    if paths.is_empty() {
        return error.into();
    }
    Error::MergeConflict {
        paths: paths.to_vec(),
        theirs: theirs.clone(),
        error: Box::new(error.into()),
    }
}

/// Returns a hint with the commands that resolve the conflict at the first of the paths, by making both branches equal there.
pub(super) fn hint(paths: &[String], theirs: &BranchName, settings: &Settings) -> Option<String> {
    let ours = match settings.branch().ok()? {
        Some(branch) => branch,
        None => settings.open().ok()?.default_branch().ok()?,
    };
    let (path, others) = paths.split_first()?;
    let root = settings.root_flag();
    let [path, ours, theirs] = [path.as_str(), ours.as_str(), theirs.as_str()].map(shell_word);
    let each = if others.is_empty() {
        ""
    } else {
        ", for each path"
    };
    Some(format!(
        "`wasmstore restore {theirs} {path} --branch {ours}{root}` takes what {theirs} has, `wasmstore restore {ours} {path} --branch {theirs}{root}` keeps what {ours} has; run one of them{each}, and merge again"
    ))
}
