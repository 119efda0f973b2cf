//! Handlers of the forms that make changes. For each form, one handler shows a page that describes the change, and another one makes the
//! change.

pub(super) mod branches;
pub(super) mod merge;
pub(super) mod mv;
mod preview;
pub(super) mod remove;
pub(super) mod restore;
pub(super) mod rollback;
pub(super) mod set;
pub(super) mod tags;
mod target;
mod target_page;
