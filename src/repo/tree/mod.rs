//! Trees: entries, a cached reader, diff and merge.

pub(crate) mod changed;
pub(crate) mod diff;
pub(crate) mod differences;
pub(crate) mod edit;
pub(crate) mod entry;
pub(crate) mod merge;
pub(crate) mod nodes;
pub(crate) mod reader;
