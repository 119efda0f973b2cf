//! What the sources of a copy or a move select.

use std::collections::BTreeSet;

use crate::names::{TreePath, TreePattern};
use crate::repo::{Draft, TreeNode};
use crate::store::error::{Error, Result};

/// Returns the paths that a source selects, at least one. A path selects itself, also if nothing is there. A glob selects the topmost modules
/// and directories that it matches, except for those in the destination.
pub(super) fn selected(
    draft: &Draft<'_>,
    source: &TreePattern,
    destination: &TreePath,
) -> Result<Vec<TreePath>> {
    let exists = |path: &TreePath| -> Result<bool> {
        let node = draft.node(path)?;
        Ok(matches!(
            node,
            Some(TreeNode::Module(_) | TreeNode::Directory(_))
        ))
    };
    if let Some(path) = source.path()
        && (source.glob().is_none() || exists(path)?)
    {
        return Ok(vec![path.clone()]);
    }
    let no_match = || Error::NoMatch(source.to_string());
    let glob = source.glob().ok_or_else(no_match)?;
    let mut found = BTreeSet::new();
    for (path, _) in draft.modules(&glob.directory())? {
        let directory = path.as_str().rsplit_once('/').unwrap_or_default().0;
        if let Some(directory) = glob.matching_directory(directory) {
            found.insert(TreePath::parse(directory)?);
        } else if glob.matches(path.as_str().as_bytes(), false) {
            found.insert(path.into());
        }
    }
    // What is there already stays: `copy '*.wasm' backup/` can be repeated.
    found.retain(|path| !is_at_or_below(path, destination) && !is_at_or_below(destination, path));
    if found.is_empty() {
        return Err(no_match());
    }
    Ok(found.into_iter().collect())
}

fn is_at_or_below(path: &TreePath, directory: &TreePath) -> bool {
    !directory.is_root() && (path == directory || directory.relative(path.as_str()).is_some())
}
