//! The events of one branch, for all of its subscribers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;

use super::event_buffer::{BufferedEvent, EventBuffer, EventFormat, SharedEvent};
use crate::names::BranchName;
use crate::store::{self, BranchCursor, CursorPosition, PollResult, Store};

/// The reason why a feed has no further events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FeedEnd {
    /// The branch was deleted.
    BranchDeleted,
    /// The commit after which the events begin does not exist, or its tree was deleted.
    UnknownCommit,
    /// The store cannot be read.
    StoreFailed,
}

/// A watched branch. It is read once for all of its subscribers. The last subscriber drops it.
pub(super) struct BranchFeed {
    branch: BranchName,
    /// The position of the newest event in the buffer. Locked while the store is read, so only blocking threads lock it.
    cursor: Mutex<BranchCursor>,
    /// The latest events. Locked only briefly, so asynchronous tasks may lock it too.
    buffer: Mutex<EventBuffer>,
    /// Signals that the buffer has new events, or that the feed has ended.
    changes: watch::Sender<Option<FeedEnd>>,
    wants_commits: AtomicBool,
    is_failing: AtomicBool,
}

impl BranchFeed {
    /// Opens a feed that begins at the branch's tip.
    ///
    /// # Errors
    /// If the branch does not exist.
    pub fn open(store: &Store, branch: &BranchName) -> store::Result<Self> {
        let cursor = store.gc_safe_cursor(Some(branch), None)?;
        Ok(Self {
            branch: branch.clone(),
            buffer: Mutex::new(EventBuffer::new(cursor.position())),
            cursor: Mutex::new(cursor),
            changes: watch::Sender::new(None),
            wants_commits: AtomicBool::new(false),
            is_failing: AtomicBool::new(false),
        })
    }

    /// Returns the branch's name.
    pub fn branch(&self) -> &BranchName {
        &self.branch
    }

    /// Reads new commits of the branch. Returns whether there were any, in which case there may be more.
    pub fn poll(&self, store: &Store) -> bool {
        let mut cursor = self
            .cursor
            .lock()
            .expect("BUG: a panic while it is locked ends the feed");
        let polled = cursor.poll(store);
        if polled.is_ok() {
            self.is_failing.store(false, Ordering::Relaxed);
        }
        match polled {
            Ok(PollResult::Events(events)) => {
                let is_new = !events.is_empty();
                self.publish(events);
                is_new
            }
            Ok(PollResult::BranchDeleted) => self.end(FeedEnd::BranchDeleted),
            Ok(PollResult::CommitDropped) => self.end(FeedEnd::UnknownCommit),
            Err(error) => {
                if !self.is_failing.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, branch = %self.branch, "cannot read a watched branch; retrying");
                }
                false
            }
        }
    }

    fn publish(&self, events: Vec<store::Event>) {
        let is_new = !events.is_empty();
        for event in events {
            let event = Arc::new(SharedEvent::new(event));
            // The messages are built on this blocking thread, not by the first subscriber's task: large ones take a while.
            event.texts(&self.branch, EventFormat::Changes);
            if self.wants_commits.load(Ordering::Relaxed) {
                event.texts(&self.branch, EventFormat::Commits);
            }
            self.buffer().push(event);
        }
        self.buffer().trim();
        if is_new {
            self.changes.send_modify(|_| ());
        }
    }

    /// Ends the feed; its subscribers still send the events that are in the buffer. Returns false, as [`poll`](Self::poll) does
    /// when no events follow.
    pub fn end(&self, end: FeedEnd) -> bool {
        self.changes.send_replace(Some(end));
        false
    }

    /// Returns whether the feed has ended.
    pub fn has_ended(&self) -> bool {
        self.changes.borrow().is_some()
    }

    /// Subscribes to the feed. Returns a receiver that signals changes, the sequence number of the next event, and the position of
    /// the branch before it.
    pub fn subscribe(
        &self,
        format: EventFormat,
    ) -> (
        watch::Receiver<Option<FeedEnd>>,
        u64,
        Option<CursorPosition>,
    ) {
        if format == EventFormat::Commits {
            self.wants_commits.store(true, Ordering::Relaxed);
        }
        let (number, position) = self.buffer().end();
        (self.changes.subscribe(), number, position)
    }

    /// Returns the event with this sequence number.
    pub fn event(&self, number: u64) -> BufferedEvent {
        self.buffer().get(number)
    }

    /// Returns the sequence number of the event that follows `position`, if the buffer reaches back that far.
    pub fn number_after(&self, position: Option<CursorPosition>) -> Option<u64> {
        self.buffer().number_after(position)
    }

    fn buffer(&self) -> MutexGuard<'_, EventBuffer> {
        self.buffer
            .lock()
            .expect("BUG: nothing panics while it is locked")
    }
}
