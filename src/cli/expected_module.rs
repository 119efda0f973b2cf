//! The module that `--if-absent` or `--if-match` expects at a path, and the error if there is another one.

use super::change_report::short_id;
use super::exit::{Error, Result};
use super::shell_word::shell_word;
use crate::names::{BranchName, ModuleHash, ModulePath, ModuleRef};
use crate::remote::{self, StoreOperations};
use crate::store::{ChangeFilter, CommitFilter, ErrorKind, PathCondition, Revision};

/// What a write expects at its only path.
pub(super) struct ExpectedModule {
    branch: Option<BranchName>,
    path: ModulePath,
    condition: PathCondition,
}

impl ExpectedModule {
    /// Returns what a write to `branch` (`None` means the default branch) expects at `path`.
    pub fn new(branch: Option<&BranchName>, path: &ModulePath, condition: PathCondition) -> Self {
        Self {
            branch: branch.cloned(),
            path: path.clone(),
            condition,
        }
    }

    /// Returns the error of a write. If the write failed because of its precondition, returns an error that says what is at the path, and
    /// what to do. That is read again, so the error stays as it is if it cannot be read, or has changed meanwhile.
    pub fn explain(&self, store: &dyn StoreOperations, error: remote::Error) -> Error {
        let is_conflict = error.kind() == Some(ErrorKind::Precondition);
        let conflict = is_conflict.then(|| self.conflict(store)).flatten();
        conflict.unwrap_or_else(|| error.into())
    }

    fn conflict(&self, store: &dyn StoreOperations) -> Option<Error> {
        let (path, revision) = (&self.path, Revision::Branch(self.branch.clone()));
        let name = ModuleRef::Path(path.clone());
        let current = store.hash(&revision, &name).map_err(Error::from);
        let (reason, hint) = match (self.condition, current) {
            (PathCondition::Absent, Ok(current)) => (
                format!("{path} has another module already: {current}"),
                Some(format!(
                    "publish at a new path, or replace the module with --if-match {current}"
                )),
            ),
            (PathCondition::Module(expected), Ok(current)) if current != expected => (
                format!("{path} is not {expected}: it is {current}"),
                self.newest_change(store, &revision, expected),
            ),
            (PathCondition::Module(expected), Err(error)) if error.is_missing_module() => (
                format!("{path} is not {expected}: there is no module"),
                None,
            ),
            _ => return None,
        };
        Some(Error::UnexpectedModule { reason, hint })
    }

    /// Returns a sentence that says who changed the path last, and how to see what.
    fn newest_change(
        &self,
        store: &dyn StoreOperations,
        revision: &Revision,
        expected: ModuleHash,
    ) -> Option<String> {
        let mut newest = None;
        let all = (&ChangeFilter::default(), &CommitFilter::default());
        let searched = store.log_path(revision, &self.path, all, &mut |commit| {
            newest = Some(commit.commit);
            std::ops::ControlFlow::Break(())
        });
        searched.ok()?;
        let (commit, path) = (newest?, shell_word(&self.path.to_string()));
        let branch = self
            .branch
            .as_ref()
            .map(|branch| shell_word(branch.as_str()));
        let branch = branch.map(|branch| format!(" --branch {branch}"));
        Some(format!(
            "{} changed it in {}: `wasmstore diff {expected} {path}{}` shows how",
            commit.author,
            short_id(&commit.commit),
            branch.unwrap_or_default()
        ))
    }
}

/// Returns the result of a write for which `expected` was expected; `None` if the write had no precondition.
pub(super) fn explained<T>(
    written: Result<T, remote::Error>,
    store: &dyn StoreOperations,
    expected: Option<&ExpectedModule>,
) -> Result<T> {
    written.map_err(|error| match expected {
        Some(expected) => expected.explain(store, error),
        None => error.into(),
    })
}
