//! Removes the modules that a list of names and globs selects.

use std::collections::BTreeSet;

use super::change::Change;
use super::commit_messages as message;
use super::error::{Error, Result};
use super::open::Store;
use super::precondition::PreconditionSubject;
use super::remove::{DirectoryRemoval, first_listed, paths_below};
use crate::index::Reader;
use crate::names::{Glob, ModuleHash, ModulePath, ModulePattern, ModuleRef};
use crate::repo::{Draft, Published, TreeNode};

impl Store {
    /// Removes, in one commit, the modules that names and globs select. A glob selects the modules that it matches; with `Recursive` also
    /// all modules in the directories that it matches. The precondition is compared with the branch's tip.
    ///
    /// A module does not exist, or a glob matches nothing; a directory is selected and `directories` is `Refuse`; unknown branch. If there
    /// is an error, nothing is removed.
    pub fn remove_selected(
        &self,
        change: &Change,
        patterns: &[ModulePattern],
        directories: DirectoryRemoval,
    ) -> Result<Published<()>> {
        let mut candidates = Vec::with_capacity(patterns.len());
        for pattern in patterns {
            candidates.push(match pattern.name() {
                Some(ModuleRef::Hash(hash)) => self.removal_candidates(change, hash)?,
                Some(ModuleRef::Path(_)) | None => Vec::new(),
            });
        }
        let has_hashes = candidates.iter().any(|candidates| !candidates.is_empty());
        let index = has_hashes.then(|| self.index.reader().ok()).flatten();
        let txn = self.begin()?;
        self.publish(txn, change, |draft| {
            change.check(draft, PreconditionSubject::Branch)?;
            let mut paths = BTreeSet::new();
            for (pattern, candidates) in patterns.iter().zip(&candidates) {
                let hashes = (candidates.as_slice(), index.as_ref());
                paths.extend(selected(draft, pattern, hashes, directories)?);
            }
            let paths: Vec<_> = paths.into_iter().collect();
            draft.remove(&paths)?;
            let message = || match patterns {
                [pattern] => message::remove(&pattern.to_string()),
                _ => message::remove(&format!("{} modules", paths.len())),
            };
            Ok((change.commit_if_changed(draft, Vec::new(), message), ()))
        })
    }
}

/// Returns the paths that a name or glob selects, at least one. `candidates` are the modules that a hash may refer to.
fn selected(
    draft: &Draft<'_>,
    pattern: &ModulePattern,
    (candidates, index): (&[ModuleHash], Option<&Reader>),
    directories: DirectoryRemoval,
) -> Result<Vec<ModulePath>> {
    match (pattern.name(), pattern.glob()) {
        (Some(ModuleRef::Hash(_)), _) => {
            let found = first_listed(draft, index, candidates)?;
            let found = found.ok_or_else(|| Error::NoModule(pattern.to_string()))?;
            Ok(found.1)
        }
        (Some(ModuleRef::Path(path)), None) => paths_below(draft, path, directories),
        (Some(ModuleRef::Path(path)), Some(glob)) => match draft.node(path.as_tree_path())? {
            Some(TreeNode::Module(_) | TreeNode::Directory(_)) => {
                paths_below(draft, path, directories)
            }
            Some(TreeNode::Foreign) | None => matching(draft, glob, directories),
        },
        (None, Some(glob)) => matching(draft, glob, directories),
        (None, None) => Err(Error::NoMatch(pattern.to_string())),
    }
}

/// Returns the paths that a glob selects, at least one.
fn matching(
    draft: &Draft<'_>,
    glob: &Glob,
    directories: DirectoryRemoval,
) -> Result<Vec<ModulePath>> {
    let selected = select_by_glob(draft.modules(&glob.directory())?, glob, directories)?;
    Ok(selected.into_iter().map(|(path, _)| path).collect())
}

/// Returns those of `modules` that a removal by a glob selects, at least one. `modules` are all modules in the directory of the glob.
///
/// # Errors
/// The glob matches nothing; it matches only directories, and `directories` is `Refuse`.
pub fn select_by_glob(
    modules: Vec<(ModulePath, ModuleHash)>,
    glob: &Glob,
    directories: DirectoryRemoval,
) -> Result<Vec<(ModulePath, ModuleHash)>> {
    let (mut selected, mut refused) = (Vec::new(), None);
    for (path, hash) in modules {
        if glob.matches(path.as_str().as_bytes(), false) {
            selected.push((path, hash));
            continue;
        }
        let directory = path.as_str().rsplit_once('/').unwrap_or_default().0;
        let Some(directory) = glob.matching_directory(directory) else {
            continue;
        };
        match directories {
            DirectoryRemoval::Refuse if refused.is_none() => {
                refused = Some(format!("/{directory}"));
            }
            DirectoryRemoval::Refuse => {}
            DirectoryRemoval::Recursive => selected.push((path, hash)),
        }
    }
    match (selected.is_empty(), refused) {
        (false, _) => Ok(selected),
        (true, Some(directory)) => Err(Error::DirectoryNotRemoved(directory)),
        (true, None) => Err(Error::NoMatch(glob.to_string())),
    }
}
