//! Pushes into the store: their validation and their ref updates, for git's receive hooks. Also the limits on histories that are cloned or
//! fetched from other repositories.

pub(crate) mod apply;
pub(crate) mod identities;
pub(crate) mod incoming;
pub(crate) mod introduced;
pub(crate) mod pushed_commit;
pub(crate) mod quarantine;
pub(crate) mod ref_updates;
pub(crate) mod tree_weight;
