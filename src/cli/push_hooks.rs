//! Installing the hooks through which every push into the store passes.

use super::exit::Result;
use crate::store::{PushHooks, Store};

/// Installs the store's hooks, and warns if pushes are impossible.
pub(super) fn install_push_hooks(store: &Store) -> Result<()> {
    match store.install_push_hooks()? {
        PushHooks::Installed => {}
        PushHooks::Foreign(hook) => {
            tracing::warn!("pushes are refused because {hook:?} is not the store's own hook");
        }
        PushHooks::Missing(what) => tracing::warn!("pushes are refused because {what} is missing"),
    }
    Ok(())
}
