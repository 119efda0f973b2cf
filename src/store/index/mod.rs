//! Keeps the version index up to date with the repository.

mod catch_up;
mod commit_entries;
mod digests;
mod refused_commits;
mod reindex;
mod verify_index;
mod worker;

pub(super) use catch_up::BEHIND_MAX;
pub(super) use refused_commits::RefusedCommits;
pub(super) use verify_index::{IndexCheck, IndexFindings};
