//! Renders the preview of a rollback or restoration: the modules that would change.

use std::ops::ControlFlow;

use super::target::Target;
use crate::http::error::Result;
use crate::http::routes::web::compare::{PAGE_SIZE, rows};
use crate::names::CommitId;
use crate::store::{self, Revision, Store};
use crate::web::change_preview::ChangePreview;
use crate::web::{Markup, Place, Site};

/// Renders the modules of the target that differ between the commits `tip` and `restored`. The change would give the target its state in
/// `restored`.
///
/// # Errors
/// If the target exists in neither commit.
pub(super) fn preview(
    (store, site): (&Store, &Site),
    target: &Target,
    (tip, restored): (CommitId, CommitId),
) -> Result<Markup> {
    let (mut changes, mut total) = (Vec::new(), 0);
    let sides = (&Revision::Commit(tip), &Revision::Commit(restored));
    store.diff(sides.0, sides.1, &target.path, |change| {
        total += 1;
        if changes.len() < PAGE_SIZE {
            changes.push(change);
        }
        ControlFlow::Continue(())
    })?;
    let page = ChangePreview {
        site,
        place: &Place::branch(target.branch.clone()),
        tip,
        restored,
        rows: &rows(store, changes)?.rows,
        total,
    };
    Ok(page.render())
}

/// Returns the tip of the branch in `target`.
pub(super) fn tip(store: &Store, target: &Target) -> store::Result<CommitId> {
    store.snapshot(&Revision::Branch(Some(target.branch.clone())))
}
