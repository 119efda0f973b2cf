//! Notification when a ref moves, no matter which process moved it.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

/// A subscription to ref changes. [`Self::wait`] may return early although no ref has moved. On a file system without notification, it
/// always waits for the full time limit. So the caller must read the refs after each call of `wait`.
pub struct RefWatcher {
    wakeups: Receiver<()>,
    waker: RefWaker,
    _watcher: Option<RecommendedWatcher>,
}

/// A handle with which other threads of this process wake a [`RefWatcher`].
#[derive(Clone)]
pub struct RefWaker(SyncSender<()>);

impl RefWatcher {
    /// Subscribes to the refs of the repository at `root`. A ref that moves after this function has returned is not missed.
    pub(crate) fn new(root: &Path) -> Self {
        let (send, wakeups) = sync_channel(1);
        let waker = RefWaker(send);
        let on_event = {
            let waker = waker.clone();
            move |event: notify::Result<notify::Event>| {
                if event.map_or(true, |event| is_change(event.kind)) {
                    waker.wake();
                }
            }
        };
        let watcher =
            notify::recommended_watcher(on_event).and_then(|watcher| watch(watcher, root));
        let watcher = watcher
            .inspect_err(|error| tracing::debug!(%error, "no file notification; polling only"))
            .ok();
        Self {
            wakeups,
            waker,
            _watcher: watcher,
        }
    }

    /// Waits for a wake-up, but no longer than `limit`.
    pub fn wait(&self, limit: Duration) {
        // The caller reads the refs after a wake-up and after a timeout. The channel stays open because `waker` holds a sender.
        let _ = self.wakeups.recv_timeout(limit);
    }

    /// Returns a handle that wakes this watcher.
    pub fn waker(&self) -> RefWaker {
        self.waker.clone()
    }
}

impl RefWaker {
    /// Wakes the waiting thread, or lets the next wait return at once.
    pub fn wake(&self) {
        // A full channel holds a wake-up that was not consumed yet: one is enough.
        let _ = self.0.try_send(());
    }
}

/// Returns whether an event may be a ref change. Reading a ref causes events, too: a watcher that reacts to them would wake itself
/// forever.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

fn watch(mut watcher: RecommendedWatcher, root: &Path) -> notify::Result<RecommendedWatcher> {
    watcher.watch(root, RecursiveMode::NonRecursive)?;
    watcher.watch(&root.join("refs"), RecursiveMode::Recursive)?;
    Ok(watcher)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::repo::{ObjectFormat, Repository};

    #[test]
    fn writing_a_ref_wakes_and_reading_one_does_not() {
        let (dir, store) = Repository::temporary(ObjectFormat::Sha1);
        let (root, main) = (dir.path(), "main".parse().unwrap());
        let watcher = RefWatcher::new(root);
        let times_out = |limit| {
            let start = Instant::now();
            watcher.wait(limit);
            start.elapsed() >= limit
        };
        assert!(store.refs().tip(&main).unwrap().is_some());
        assert!(
            times_out(Duration::from_millis(300)),
            "reading is not a change"
        );
        std::fs::write(root.join("refs/heads/other"), "").unwrap();
        assert!(!times_out(Duration::from_secs(20)));
        while !times_out(Duration::from_millis(300)) {}
        watcher.waker().wake();
        assert!(!times_out(Duration::from_secs(20)));
    }
}
