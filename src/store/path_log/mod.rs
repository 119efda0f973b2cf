//! The history of a path: the commits that changed it, and what each of them changed in the module.
//!
//! `filter.rs` defines which changes a log lists, `summary.rs` reduces the facts about a module to what a filter needs, and `walk.rs`
//! compares the module in each commit with the modules in its parents.

mod filter;
mod growth;
mod matched;
mod summary;
mod walk;

pub use filter::ChangeFilter;
pub use growth::{Growth, GrowthError};
pub use matched::{ItemState, MatchedChange, MatchedCommit, MatchedItem};
