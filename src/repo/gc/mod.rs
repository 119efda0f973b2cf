//! Garbage collection.

pub(crate) mod candidates;
pub(crate) mod collect;
pub(crate) mod commit_graph;
pub(crate) mod shared;
pub(crate) mod shared_roll_up;
pub(crate) mod squash;
