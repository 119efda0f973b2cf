//! The rules for new names that the configuration of the repository sets.

use crate::repo::error::Result;
use crate::repo::lifecycle::config::configure;
use crate::repo::objects::db::ObjectDb;
use crate::repo::parts::Parts;

/// The configuration key that requires portable names.
const PORTABLE_KEY: &str = "wasmstore.portableNames";

/// Returns whether the configuration required portable names when the store was opened.
pub(crate) fn requires_portable(objects: &ObjectDb) -> bool {
    let Some(handle) = objects.handle() else {
        return false;
    };
    match handle.config_snapshot().try_boolean(PORTABLE_KEY) {
        Ok(value) => value.unwrap_or(false),
        Err(_) => {
            tracing::warn!("{PORTABLE_KEY} is neither true nor false; it counts as true");
            true
        }
    }
}

/// Configures the store to require portable names: names that Windows and macOS accept and do not treat as equal to another name. The rule
/// applies to every process that opens the store from now on.
///
/// # Errors
/// The configuration cannot be written.
pub(crate) fn require_portable(parts: &Parts) -> Result<()> {
    let _refs = parts.locks.refs()?;
    configure(parts.root(), &[(PORTABLE_KEY, "true")])
}
