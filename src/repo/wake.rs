//! Being woken when a ref moves, whoever moved it.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

use super::open::Repository;

/// A wake-up call. It may come without a reason, and, where the file system tells nothing, not at all: whoever waits looks at
/// the refs after each return of `wait`, and gives it a time limit.
pub struct Wake {
    calls: Receiver<()>,
    _watcher: Option<RecommendedWatcher>,
}

impl Repository {
    /// Registers for wake-ups. What moves after this returns is not missed.
    pub fn wake(&self) -> Wake {
        let (send, calls) = sync_channel(1);
        // A full channel is a call that has not been answered yet: one is enough.
        let call = move |_: notify::Result<notify::Event>| {
            let _ = send.try_send(());
        };
        let watcher =
            notify::recommended_watcher(call).and_then(|watcher| watch(watcher, self.root()));
        let watcher = watcher
            .inspect_err(|error| tracing::debug!(%error, "no file notification; polling only"))
            .ok();
        Wake {
            calls,
            _watcher: watcher,
        }
    }
}

fn watch(mut watcher: RecommendedWatcher, root: &Path) -> notify::Result<RecommendedWatcher> {
    watcher.watch(root, RecursiveMode::NonRecursive)?;
    watcher.watch(&root.join("refs"), RecursiveMode::Recursive)?;
    Ok(watcher)
}

impl Wake {
    /// Waits for a call, but no longer than `limit`.
    pub fn wait(&self, limit: Duration) {
        match self.calls.recv_timeout(limit) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            // No watcher: the time limit alone.
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(limit),
        }
    }
}
