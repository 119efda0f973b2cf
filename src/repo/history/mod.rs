//! Commits and walks over the history.

pub(crate) mod first_parent;
pub(crate) mod mirror_lag;
pub(crate) mod reach;
pub(crate) mod walk;
