//! The facts about modules. They are computed once per blob and stored in the version index.
//!
//! An upload collects most facts during its validation; `pending.rs` holds them until its commit is indexed. The index worker of a server
//! computes all other facts from the blobs, such as those about modules that arrived by a push or a clone, or that an older version of
//! wasmstore indexed.

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
