//! Being woken when a ref moves, whoever moved it.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::repo::lifecycle::open::Repository;

/// A wake-up call. It may come without a reason, and, where the file system tells nothing, not at all: whoever waits looks at
/// the refs after each return of `wait`, and gives it a time limit.
pub struct Wake {
    calls: Receiver<()>,
    call: Call,
    _watcher: Option<RecommendedWatcher>,
}

/// Makes a wake-up call.
#[derive(Clone)]
pub struct Call(SyncSender<()>);

impl Repository {
    /// Registers for wake-ups. What moves after this returns is not missed.
    pub fn wake(&self) -> Wake {
        let (send, calls) = sync_channel(1);
        let call = Call(send);
        let on_event = {
            let call = call.clone();
            move |event: notify::Result<notify::Event>| {
                if event.map_or(true, |event| is_change(event.kind)) {
                    call.now();
                }
            }
        };
        let watcher =
            notify::recommended_watcher(on_event).and_then(|watcher| watch(watcher, self.root()));
        let watcher = watcher
            .inspect_err(|error| tracing::debug!(%error, "no file notification; polling only"))
            .ok();
        Wake {
            calls,
            call,
            _watcher: watcher,
        }
    }
}

/// Whether it may have moved a ref. That one was read is told, too: whoever woke for that would wake itself for ever.
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

impl Wake {
    /// Waits for a call, but no longer than `limit`.
    pub fn wait(&self, limit: Duration) {
        // Either way the caller looks; `call` keeps the channel open.
        let _ = self.calls.recv_timeout(limit);
    }

    /// What wakes this one from within the process.
    pub fn call(&self) -> Call {
        self.call.clone()
    }
}

impl Call {
    /// Wakes whoever waits, or lets the next wait return at once.
    pub fn now(&self) {
        // A full channel is a call that has not been answered yet: one is enough.
        let _ = self.0.try_send(());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_moved_ref_wakes_and_one_that_is_read_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("store");
        let main = "main".parse().unwrap();
        let format = crate::repo::ObjectFormat::Sha1;
        let repo = Repository::open_or_create(&root, &Default::default(), format, &main).unwrap();
        let wake = repo.wake();
        let waits = |limit| {
            let start = Instant::now();
            wake.wait(limit);
            start.elapsed() >= limit
        };
        assert!(repo.tip(&main).unwrap().is_some());
        assert!(waits(Duration::from_millis(300)), "a look is no news");
        std::fs::write(root.join("refs/heads/other"), "").unwrap();
        assert!(!waits(Duration::from_secs(20)));
        while !waits(Duration::from_millis(300)) {}
        wake.call().now();
        assert!(!waits(Duration::from_secs(20)));
    }
}
