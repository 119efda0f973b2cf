//! Publishing: from a change to a durable commit on a branch.

pub(crate) mod batch;
pub(crate) mod batch_carryover;
pub(crate) mod both;
pub(crate) mod branch_update;
pub(crate) mod draft;
pub(crate) mod group_commit;
pub(crate) mod preallocated_files;
pub(crate) mod publish;
pub(crate) mod write_txn;
