//! Garbage collection.

pub(crate) mod candidates;
pub(crate) mod collect;
pub(crate) mod commit_graph;
pub(crate) mod dropped_commits;
pub(crate) mod dropped_versions;
pub(crate) mod history_rewriter;
pub(crate) mod kept_parents;
pub(crate) mod own_history;
pub(crate) mod reachable_pack;
pub(crate) mod retention;
pub(crate) mod rewrite;
pub(crate) mod rewritten_commit;
pub(crate) mod rewritten_history;
pub(crate) mod shared;
pub(crate) mod shared_roll_up;
pub(crate) mod squash;
