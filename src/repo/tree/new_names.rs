//! The rules for names that a change adds to a tree. Names that the tree has already are not checked, so they stay usable.

use crate::names::{self, ModulePath};
use crate::repo::error::Result;
use crate::repo::tree::reader::TreeReader;

/// Checks the segments that a module at `path` would add to the tree `root`.
///
/// # Errors
/// `Name` for a segment that a change must not add.
pub(crate) fn check_new_path(
    trees: &TreeReader<'_>,
    root: gix::ObjectId,
    path: &ModulePath,
) -> Result<()> {
    let mut end = 0;
    for segment in path.segments() {
        end += segment.len();
        // Almost every name is allowed, so the tree is searched for the others only.
        if let Err(error) = names::check_new_segment(segment)
            && trees.entry(root, path.as_str()[..end].into())?.is_none()
        {
            return Err(error.into());
        }
        end += "/".len();
    }
    Ok(())
}
