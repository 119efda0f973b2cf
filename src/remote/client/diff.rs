//! What differs between two commits, found out by lists.

use std::collections::BTreeMap;

use super::request::Client;
use crate::names::{CommitId, ModuleHash, ModulePath, ModuleRef, TreePath};
use crate::remote::error::Result;
use crate::store::{self, At, Comparison, PathChange};
use crate::wire::Commit;

impl Client {
    /// Every module at or below `path` that differs between two trees, sorted by path.
    ///
    /// # Errors
    /// Neither of them has anything at `path`.
    pub fn diff(&self, old: &At, new: &At, path: &TreePath) -> Result<Vec<PathChange>> {
        let mut changes = BTreeMap::new();
        for (at, is_new) in [(old, false), (new, true)] {
            for (path, hash) in self.at_or_below(at, path)? {
                let change = changes.entry(path).or_insert((None, None));
                match is_new {
                    true => change.1 = Some(hash),
                    false => change.0 = Some(hash),
                }
            }
        }
        if changes.is_empty() && !path.is_root() {
            return Err(store::Error::NoModule(path.to_string()).into());
        }
        let differ = changes.into_iter().filter(|(_, (old, new))| old != new);
        let change = |(path, (old, new))| PathChange { path, old, new };
        Ok(differ.map(change).collect())
    }

    /// Every module that a commit changed, compared with its first parent, sorted by path.
    pub fn changes(&self, commit: &Commit) -> Result<Vec<PathChange>> {
        let id = |text: &String| self.parse(text, CommitId::parse).map(At::Commit);
        let new = id(&commit.hash)?;
        match commit.parents.first() {
            Some(parent) => self.diff(&id(parent)?, &new, &TreePath::root()),
            None => {
                let modules = self.list(&new, &TreePath::root())?.into_iter();
                let added = |(path, hash)| PathChange {
                    path,
                    old: None,
                    new: Some(hash),
                };
                Ok(modules.map(added).collect())
            }
        }
    }

    fn at_or_below(&self, at: &At, path: &TreePath) -> Result<Vec<(ModulePath, ModuleHash)>> {
        let modules = self.list(at, path)?;
        match ModulePath::try_from(path.clone()) {
            Ok(path) if modules.is_empty() => {
                let name = ModuleRef::Path(path.clone());
                let hash = self.hash_if_any(at, &name)?;
                Ok(hash.map(|hash| (path, hash)).into_iter().collect())
            }
            _ => Ok(modules),
        }
    }

    /// What differs between the two modules of a path, each of which its tree has there.
    ///
    /// # Errors
    /// One of them is no module.
    pub fn compare(
        &self,
        (old_at, new_at): (&At, &At),
        path: &ModulePath,
        (old, new): (ModuleHash, ModuleHash),
    ) -> Result<Comparison> {
        store::compare(old, new, |hash| {
            let at = if hash == old { old_at } else { new_at };
            self.bytes(at, path, hash)
        })
    }
}
