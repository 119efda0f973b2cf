//! Collects garbage, and drops history.

mod collect;
mod drop_candidates;
mod preview;
mod retention;

pub use collect::{GcSummary, History};
pub use preview::GcPreview;
pub use retention::Retention;
