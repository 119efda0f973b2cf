//! What the first question about the history takes.

use std::time::Duration;

use wasmstore::store::{Revision, Store};

use crate::Result;
use crate::samples::time;

/// Brings the version index up to date, in a store that has none.
pub fn catch_up(store: &Store) -> Result<Duration> {
    let (took, ()) = time(|| Ok(store.catch_up(&Revision::default())?))?;
    Ok(took)
}
