//! A store that is a replica of another store, its primary.

mod mark;
mod sync_refs;
#[cfg(test)]
mod tests;

pub use sync_refs::{RemoteRefs, SkippedRef};
