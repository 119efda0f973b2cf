//! Installs the git hooks that validate and publish every push into the store.

use super::exit::Result;
use crate::store::{PushHooks, Store};

/// Installs the git hooks of the store. Logs a warning if the hooks cannot work, so that every push will be refused: another program's hook
/// is installed, a hook or a git setting is missing, or the file system is mounted with `noexec`.
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

/// Logs a warning if the file system is mounted with `noexec`, so that git cannot run the store's hooks. The hooks need not be installed
/// yet.
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
