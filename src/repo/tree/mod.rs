//! Trees: reading, editing, comparing and merging them.

pub(crate) mod diff;
pub(crate) mod edit;
pub(crate) mod encoded;
pub(crate) mod encoded_diff;
pub(crate) mod entry;
pub(crate) mod extent;
pub(crate) mod lookup;
pub(crate) mod merge;
pub(crate) mod new_names;
pub(crate) mod reader;
pub(crate) mod walk;
