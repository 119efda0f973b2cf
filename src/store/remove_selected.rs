//! Removes the modules that a list of names and globs selects.

use std::collections::{BTreeSet, HashSet};

use super::change::Change;
use super::commit_messages as message;
use super::early_selection::{EarlySelection, SelectableTree};
use super::error::{Error, Result};
use super::glob_matcher::{GlobMatch, GlobMatcher, modules_for};
use super::open::Store;
use super::precondition::PreconditionSubject;
use super::remove::{DirectoryRemoval, first_listed, paths_below};
use crate::names::{Glob, ModuleHash, ModulePath, ModulePattern, ModuleRef};
use crate::repo::Published;

impl Store {
    /// Removes, in one commit, the modules that names and globs select. A glob selects the modules that it matches; with `Recursive` also
    /// all modules in the directories that it matches. A name that is given twice counts once. The precondition is compared with the
    /// branch's tip.
    ///
    /// # Errors
    /// A module does not exist, or a glob matches nothing; a directory is selected and `directories` is `Refuse`; unknown branch. If there
    /// is an error, nothing is removed.
    pub fn remove_selected(
        &self,
        change: &Change,
        patterns: &[ModulePattern],
        directories: DirectoryRemoval,
    ) -> Result<Published<()>> {
        let mut seen = HashSet::new();
        let patterns: Vec<_> = patterns
            .iter()
            .filter(|pattern| seen.insert(pattern.as_str()))
            .collect();
        let mut candidates = Vec::new();
        for pattern in &patterns {
            if let Some(ModuleRef::Hash(hash)) = pattern.name() {
                candidates.push((*pattern, self.removal_candidates(change, hash)?));
            }
        }
        let index = (!candidates.is_empty())
            .then(|| self.index.reader().ok())
            .flatten();
        let select = |tree: &dyn SelectableTree| selected(tree, &patterns, directories);
        let mut early = match patterns.iter().any(|pattern| pattern.glob().is_some()) {
            true => self.select_early(change, select),
            false => EarlySelection::deferred(),
        };
        let txn = self.begin()?;
        self.publish(txn, change, |draft| {
            change.check(self, draft, PreconditionSubject::Branch)?;
            let mut paths = early.in_draft(draft, |draft| select(draft))?;
            for (pattern, candidates) in &candidates {
                let found = first_listed(draft, index.as_ref(), candidates)?;
                let found = found.ok_or_else(|| Error::NoModule(pattern.to_string()))?;
                paths.extend(found.1);
            }
            let paths: Vec<_> = paths.into_iter().collect();
            draft.remove(&paths)?;
            let message = || match patterns.as_slice() {
                [pattern] => message::remove(&pattern.to_string()),
                _ => message::remove(&format!("{} modules", paths.len())),
            };
            Ok((change.commit_if_changed(draft, Vec::new(), message), ()))
        })
    }
}

/// Returns the paths that the patterns select. Ignores patterns that are hashes or digests.
fn selected(
    tree: &dyn SelectableTree,
    patterns: &[&ModulePattern],
    directories: DirectoryRemoval,
) -> Result<BTreeSet<ModulePath>> {
    let mut paths = BTreeSet::new();
    let mut globs = Vec::new();
    for pattern in patterns {
        let glob = match (pattern.name(), pattern.glob()) {
            (Some(ModuleRef::Hash(_)), _) => None,
            (Some(ModuleRef::Path(path)), Some(glob)) if !tree.exists(path.as_tree_path())? => {
                Some(glob)
            }
            (Some(ModuleRef::Path(path)), _) => {
                paths.extend(paths_below(tree, path, directories)?);
                None
            }
            (None, Some(glob)) => Some(glob),
            (None, None) => return Err(Error::NoMatch(pattern.to_string())),
        };
        globs.push(glob);
    }
    let modules = modules_for(tree, &globs)?;
    for glob in globs.into_iter().flatten() {
        let selected = selected_by_glob(&modules, glob, directories)?;
        for (path, _) in selected {
            if !paths.contains(path) {
                paths.insert(path.clone());
            }
        }
    }
    Ok(paths)
}

/// Returns the `modules` that a removal by a glob selects; fails if there are none. The caller passes all modules in the directory with
/// which the glob begins.
///
/// # Errors
/// The glob matches nothing; it matches only directories, and `directories` is `Refuse`.
pub fn select_by_glob(
    modules: &[(ModulePath, ModuleHash)],
    glob: &Glob,
    directories: DirectoryRemoval,
) -> Result<Vec<(ModulePath, ModuleHash)>> {
    let selected = selected_by_glob(modules, glob, directories)?;
    Ok(selected.into_iter().cloned().collect())
}

fn selected_by_glob<'m>(
    modules: &'m [(ModulePath, ModuleHash)],
    glob: &Glob,
    directories: DirectoryRemoval,
) -> Result<Vec<&'m (ModulePath, ModuleHash)>> {
    let (mut selected, mut refused) = (Vec::new(), None);
    let mut matcher = GlobMatcher::new(glob);
    for module in modules {
        let is_selected = match (matcher.compare(&module.0), directories) {
            (None, _) => false,
            (Some(GlobMatch::Module), _)
            | (Some(GlobMatch::Directory(_)), DirectoryRemoval::Recursive) => true,
            // A module that the glob itself matches is removed, even if its directory also matches and is not removed.
            (Some(GlobMatch::Directory(directory)), DirectoryRemoval::Refuse) => {
                let is_matched = glob.matches(module.0.as_str().as_bytes(), false);
                if !is_matched && refused.is_none() {
                    refused = Some(format!("/{directory}"));
                }
                is_matched
            }
        };
        if is_selected {
            selected.push(module);
        }
    }
    match (selected.is_empty(), refused) {
        (false, _) => Ok(selected),
        (true, Some(directory)) => Err(Error::DirectoryNotRemoved(directory)),
        (true, None) => Err(Error::NoMatch(glob.to_string())),
    }
}
