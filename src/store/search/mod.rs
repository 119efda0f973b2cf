//! Finds modules by their content.
//!
//! `query.rs` parses a search query, and `term_faults.rs` rejects terms that cannot match. `evaluate.rs` finds the set of modules that fulfil
//! each term, in the version index. `path_terms.rs` evaluates the terms that depend on the path of a module. `results.rs` finds the paths at
//! which the tree of a commit, or its history, has these modules. `matched_terms.rs` finds what matched in each module of a page, in the
//! facts about the module.

mod evaluate;
mod item_pattern;
mod matched_items;
mod matched_terms;
mod path_terms;
mod pattern;
mod query;
mod results;
mod size_bound;
mod term_faults;
mod version_bound;

pub use item_pattern::ItemPattern;
pub use matched_items::FoundItem;
pub use matched_terms::{MATCHED_BYTES_MAX, MatchedTerms};
pub use query::{Query, QueryError};
pub use results::{SearchCursor, SearchDetail, SearchMatch, SearchPage, SearchScope};
