//! The difference between two trees, computed from their lists of modules: the API has no endpoint for it.

use std::collections::BTreeMap;

use super::request::Client;
use crate::names::{CommitId, ModuleHash, ModulePath, ModuleRef, TreePath};
use crate::remote::error::Result;
use crate::remote::operations::StoreOperations;
use crate::store::{self, PathChange, Revision};
use crate::wire::CommitJson;

impl Client {
    /// Returns every module at or below `path` that differs between two trees, sorted by path.
    ///
    /// # Errors
    /// Neither tree has anything at `path`.
    pub(super) fn diff_lists(
        &self,
        old: &Revision,
        new: &Revision,
        path: &TreePath,
    ) -> Result<Vec<PathChange>> {
        let mut modules = BTreeMap::<ModulePath, (Option<ModuleHash>, Option<ModuleHash>)>::new();
        for (path, hash) in self.at_or_below(old, path)? {
            modules.entry(path).or_default().0 = Some(hash);
        }
        for (path, hash) in self.at_or_below(new, path)? {
            modules.entry(path).or_default().1 = Some(hash);
        }
        if modules.is_empty() && !path.is_root() {
            return Err(store::Error::NoModule(path.to_string()).into());
        }
        let changed = modules.into_iter().filter(|(_, (old, new))| old != new);
        let change = |(path, (old, new))| PathChange { path, old, new };
        Ok(changed.map(change).collect())
    }

    /// Returns every module that differs between a commit and its first parent, sorted by path.
    pub(super) fn commit_changes(&self, commit: &CommitJson) -> Result<Vec<PathChange>> {
        let revision = |text: &String| self.parse(text, CommitId::parse).map(Revision::Commit);
        let new = revision(&commit.hash)?;
        let Some(parent) = commit.parents.first() else {
            let modules = self.list(&new, &TreePath::root())?.into_iter();
            let added = |(path, hash)| PathChange {
                path,
                old: None,
                new: Some(hash),
            };
            return Ok(modules.map(added).collect());
        };
        self.diff_lists(&revision(parent)?, &new, &TreePath::root())
    }

    /// Lists the modules below `path`, or the module at `path`.
    fn at_or_below(
        &self,
        revision: &Revision,
        path: &TreePath,
    ) -> Result<Vec<(ModulePath, ModuleHash)>> {
        let modules = self.list(revision, path)?;
        match ModulePath::try_from(path.clone()) {
            Ok(path) if modules.is_empty() => {
                let hash = self.hash_if_any(revision, &ModuleRef::Path(path.clone()))?;
                Ok(hash.map(|hash| (path, hash)).into_iter().collect())
            }
            _ => Ok(modules),
        }
    }
}
