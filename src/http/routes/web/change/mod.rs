//! Handlers of the forms that change something: each shows a page that says what the change will do, and then makes the change.

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
