//! Finds modules by their content.
//!
//! `query.rs` parses a search query, `evaluate.rs` turns its terms into sets of modules with the version index, and `results.rs` finds the
//! paths at which the tree of a commit, or its history, has them.

mod evaluate;
mod item_pattern;
mod matched_items;
mod pattern;
mod query;
mod results;
mod size_bound;
mod version_bound;

pub use item_pattern::ItemPattern;
pub use matched_items::FoundItem;
pub use query::{Query, QueryError};
pub use results::{SearchCursor, SearchMatch, SearchPage, SearchScope};
