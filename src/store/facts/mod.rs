//! Facts about modules, such as their imports, exports and WIT. They are computed once per blob and stored in the version index.
//!
//! The validation of an upload collects most facts. `pending.rs` holds them until the commit of the upload is in the index. All other facts
//! are computed from the blobs by the index worker of a server: for modules that arrived by a push or a clone, or that an older version of
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
