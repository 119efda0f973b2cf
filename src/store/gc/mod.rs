//! Collects garbage, and drops history.

mod collect;
mod dated_trees;
mod drop_candidates;
mod kept_for_refs;
mod preview;
mod retention;

pub use collect::{GcSummary, History};
pub use kept_for_refs::KeptForRefs;
pub use preview::GcPreview;
pub use retention::Retention;

pub(super) use retention::now_s;
