//! Pushes into the store, as git's receive hooks see them.

pub(crate) mod apply;
pub(crate) mod incoming;
pub(crate) mod introduced;
pub(crate) mod quarantine;
pub(crate) mod ref_updates;
