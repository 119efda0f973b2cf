//! Selects the modules and directories that a copy or a move relocates.

use std::collections::BTreeSet;

use super::Relocation;
use crate::names::{Glob, ModuleHash, ModulePath, TreePath, TreePattern};
use crate::store::early_selection::SelectableTree;
use crate::store::error::{Error, Result};
use crate::store::glob_matcher::{GlobMatch, GlobMatcher, modules_for};
use crate::store::modules_upload::MODULES_MAX;

/// Returns the paths that the sources select, in the order of the sources. A source that is a path selects this path, even if nothing is
/// there. A glob selects the topmost modules and directories that it matches, except modules and directories in the destination.
///
/// # Errors
/// A glob matches nothing; there are more paths than modules that one change may relocate.
pub(super) fn selected(
    tree: &dyn SelectableTree,
    relocation: &Relocation,
) -> Result<Vec<TreePath>> {
    let sources = &relocation.sources;
    let globs = sources.iter().map(|source| effective_glob(tree, source));
    let globs = globs.collect::<Result<Vec<_>>>()?;
    let modules = modules_for(tree, &globs)?;
    let mut selected = Vec::new();
    for (source, glob) in sources.iter().zip(globs) {
        match (source.path(), glob) {
            (_, Some(glob)) => {
                selected.extend(matching(&modules, glob, &relocation.destination.path)?);
            }
            (Some(path), None) => selected.push(path.clone()),
            (None, None) => return Err(Error::NoMatch(source.to_string())),
        }
        if selected.len() > MODULES_MAX {
            return Err(Error::TooManyModules(MODULES_MAX));
        }
    }
    Ok(selected)
}

/// Returns the glob of a source. Returns `None` if the source is a path, or if it can be read as a path and something exists there.
fn effective_glob<'s>(
    tree: &dyn SelectableTree,
    source: &'s TreePattern,
) -> Result<Option<&'s Glob>> {
    Ok(match (source.path(), source.glob()) {
        (Some(path), Some(_)) if tree.exists(path)? => None,
        (_, glob) => glob,
    })
}

/// Returns the paths that a glob selects. Fails if the glob selects none.
fn matching(
    modules: &[(ModulePath, ModuleHash)],
    glob: &Glob,
    destination: &TreePath,
) -> Result<BTreeSet<TreePath>> {
    let (mut matcher, mut found) = (GlobMatcher::new(glob), BTreeSet::new());
    for (path, _) in modules {
        match matcher.compare(path) {
            Some(GlobMatch::Directory(directory)) => {
                found.insert(TreePath::parse(directory)?);
            }
            Some(GlobMatch::Module) => {
                found.insert(path.clone().into());
            }
            None => {}
        }
    }
    // Modules in the destination are not selected, so that `copy '*.wasm' backup/` can be repeated.
    found.retain(|path| !is_at_or_below(path, destination) && !is_at_or_below(destination, path));
    if found.is_empty() {
        return Err(Error::NoMatch(glob.to_string()));
    }
    Ok(found)
}

fn is_at_or_below(path: &TreePath, directory: &TreePath) -> bool {
    !directory.is_root() && (path == directory || directory.relative(path.as_str()).is_some())
}
