//! Reads the first changes between two commits. A commit can change millions of paths, so the number of changes that are read is limited.

use std::ops::ControlFlow;

use crate::names::{CommitId, TreePath};
use crate::remote::{Result, StoreOperations};
use crate::store::{PathChange, Revision};

/// The maximum number of changes that are read.
pub(super) const CHANGES_MAX: usize = 10_000;

/// Calls `visit` for each module that differs between `old` and `new`, up to one more than [`CHANGES_MAX`]. Returns the number of visited
/// changes.
pub(super) fn visit_first_changes(
    store: &dyn StoreOperations,
    (old, new): (CommitId, CommitId),
    visit: &mut dyn FnMut(PathChange),
) -> Result<usize> {
    let (old, new) = (Revision::Commit(old), Revision::Commit(new));
    let mut count = 0;
    // Unlike `changes`, `diff` asks a server for one page of a large commit only.
    store.diff(&old, &new, &TreePath::root(), &mut |change| {
        visit(change);
        count += 1;
        match count > CHANGES_MAX {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    })?;
    Ok(count)
}
