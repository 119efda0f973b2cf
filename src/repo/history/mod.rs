//! Walks over the history: first-parent histories, new commits, and everything that refs reach.

pub(crate) mod directory_changes;
pub(crate) mod divergence;
pub(crate) mod first_parent;
pub(crate) mod mirror_lag;
pub(crate) mod reach;
pub(crate) mod relation;
pub(crate) mod walk;
