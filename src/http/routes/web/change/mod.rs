//! The forms that change something: a page that says what the change does, and the change itself.

pub(super) mod branches;
pub(super) mod merge;
pub(super) mod remove;
pub(super) mod restore;
pub(super) mod rollback;
pub(super) mod set;
mod target;
mod target_page;
