//! The screen that compares two branches, commits or versions.

mod details;
mod page;

pub use page::{ComparePage, Compared, Side};
