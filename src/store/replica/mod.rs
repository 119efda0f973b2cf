//! A store that is a replica of another store.

mod mark;
mod sync_refs;

pub use sync_refs::{RemoteRefs, SkippedRef};
