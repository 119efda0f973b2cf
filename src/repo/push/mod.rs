//! Pushes into the store: their validation and their ref updates, for git's receive hooks.

pub(crate) mod apply;
pub(crate) mod incoming;
pub(crate) mod introduced;
pub(crate) mod quarantine;
pub(crate) mod ref_updates;
