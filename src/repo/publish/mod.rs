//! Publishes changes: turns a change into a durable commit on a branch.
//!
//! Each file uses only the ones before it. `write_txn.rs` stores blobs under `lock`; `fsync_existing.rs` and `new_commit.rs` extend it.
//! `draft.rs` has the tree that a change edits, and `decision.rs` the decision that the change makes. `batch.rs` decides changes and
//! publishes them; `change_refs.rs`, `tip_update.rs`, `outcome.rs`, `batch_carryover.rs` and `preallocated_files.rs` are its parts.
//! `group_commit.rs` lets one thread at a time add a change to the batch. `branches.rs` and `tags.rs` create and delete branches and tags.

pub(crate) mod batch;
pub(crate) mod batch_carryover;
pub(crate) mod branches;
pub(crate) mod change_refs;
pub(crate) mod decision;
pub(crate) mod draft;
pub(crate) mod fsync_existing;
pub(crate) mod group_commit;
pub(crate) mod move_refs;
pub(crate) mod new_commit;
pub(crate) mod outcome;
pub(crate) mod preallocated_files;
pub(crate) mod shared_objects;
pub(crate) mod tags;
pub(crate) mod tip_update;
pub(crate) mod txn_handles;
pub(crate) mod write_txn;
