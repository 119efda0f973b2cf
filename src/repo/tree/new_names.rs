//! The rules for names that a change adds to a tree. Names that the tree has already are not checked, so they stay usable.

use std::collections::HashSet;

use crate::config::NameRules;
use crate::names::{self, SimilarNames, TreePath};
use crate::repo::error::Result;
use crate::repo::tree::reader::{TreeReader, find};

/// Checks the segments that a module or a directory at `path` would add to the tree `root`. Does not check whether the tree has a name that
/// differs only in case.
///
/// # Errors
/// `Name` for a segment that a change must not add.
pub(crate) fn check_new_path(
    trees: &TreeReader<'_>,
    root: gix::ObjectId,
    path: &TreePath,
    rules: NameRules,
) -> Result<()> {
    let mut end = 0;
    for segment in path.segments() {
        end += segment.len();
        // Almost every name is allowed. Only if a name is not allowed, the tree is searched for the name: a name that the tree already
        // contains stays usable.
        if let Err(error) = check_segment(segment, rules)
            && trees.entry(root, path.as_str()[..end].into())?.is_none()
        {
            return Err(error.into());
        }
        end += "/".len();
    }
    Ok(())
}

/// Checks one segment of a path that a change adds to a tree.
pub(crate) fn check_segment(segment: &str, rules: NameRules) -> Result<(), names::Error> {
    names::check_new_segment(segment)?;
    if rules.portable {
        names::check_portable_segment(segment)?;
    }
    Ok(())
}

/// Checks that every name in the tree `new` that is not in the tree `old` is portable. If `old` is `None`, checks all names. Skips the
/// trees in `checked`, whose names are known to be portable.
///
/// # Errors
/// `Name` for a name that is not portable, or that is similar to another name in its directory.
pub(crate) fn check_portable(
    trees: &TreeReader<'_>,
    old: Option<gix::ObjectId>,
    new: gix::ObjectId,
    checked: &HashSet<gix::ObjectId>,
) -> Result<()> {
    let mut todo = vec![(old, new)];
    while let Some((old, new)) = todo.pop() {
        if old == Some(new) || checked.contains(&new) {
            continue;
        }
        let old = old.map(|old| trees.load(old)).transpose()?;
        let new = trees.load(new)?;
        let mut similar = None;
        for entry in &new.entries {
            let previous = old
                .as_ref()
                .and_then(|old| find(old, entry.filename.as_ref()));
            // Names that are not UTF-8 are skipped: only other programs write them, and readers do not see them.
            if previous.is_none()
                && let Ok(name) = str::from_utf8(&entry.filename)
            {
                names::check_portable_segment(name)?;
                let names = new.entries.iter().map(|entry| entry.filename.as_slice());
                let similar = similar.get_or_insert_with(|| SimilarNames::new(names));
                similar.check(name)?;
            }
            if entry.mode.is_tree() {
                let previous = previous.filter(|previous| previous.mode.is_tree());
                todo.push((previous.map(|previous| previous.oid), entry.oid));
            }
        }
    }
    Ok(())
}
