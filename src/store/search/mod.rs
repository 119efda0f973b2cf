//! Finds modules by their content.
//!
//! `query.rs` parses a search query, `evaluate.rs` turns its terms into sets of modules with the version index, `path_terms.rs` compares
//! those that depend on the path, and `results.rs` finds the paths at which the tree of a commit, or its history, has the modules.

mod evaluate;
mod item_pattern;
mod matched_items;
mod path_terms;
mod pattern;
mod query;
mod results;
mod size_bound;
mod version_bound;

pub use item_pattern::ItemPattern;
pub use matched_items::FoundItem;
pub use query::{Query, QueryError};
pub use results::{SearchCursor, SearchMatch, SearchPage, SearchScope};
