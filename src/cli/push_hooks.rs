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
        PushHooks::NoExec => warn_of_noexec(store),
    }
    Ok(())
}

/// Warns if git cannot run the hooks of the store, whether they are installed yet or not.
pub(super) fn check_push_hooks(store: &Store) {
    if store.is_noexec() {
        warn_of_noexec(store);
    }
}

fn warn_of_noexec(store: &Store) {
    let root = store.root();
    tracing::warn!(
        "pushes are refused because the file system of {root:?} is mounted with noexec, so git cannot run the store's hooks"
    );
}
