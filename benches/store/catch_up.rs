//! What the first question about the history takes.

use std::time::Duration;

use wasmstore::names::ModulePath;
use wasmstore::store::{At, Store};

use crate::Result;
use crate::samples::time;

/// Brings the index of the history up to date, in a store that has none: the first `versions` does.
pub fn catch_up(store: &Store, path: &ModulePath) -> Result<Duration> {
    let (took, _) = time(|| Ok(store.versions(&At::default(), path)?))?;
    Ok(took)
}
