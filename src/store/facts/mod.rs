//! The facts about modules: kept in the version index, computed once per blob.
//!
//! An upload collects most facts during its validation; `pending.rs` holds them until its commit is indexed. The index worker of a server
//! computes all others from the blobs, also those of modules that arrived by a push or a clone, or that an older version indexed.

mod backfill;
mod items;
mod module_summary;
mod pending;
mod record;

pub(super) use items::{ITEMS_MAX, items};
pub use module_summary::ModuleSummary;
pub(super) use module_summary::Summaries;
pub(super) use pending::PendingFacts;
pub use record::{ModuleFacts, WitResult};
