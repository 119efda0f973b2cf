//! A feed: reads the new commits of one branch, for all of the branch's subscribers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::watch;

use super::event_buffer::{BufferedEvent, EventBuffer, EventFormat, SharedEvent};
use crate::names::BranchName;
use crate::store::{self, BranchCursor, CursorPosition, PollResult, Store};

/// The reason why a [`BranchFeed`] or a subscriber has no further events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FeedEnd {
    /// The branch was deleted.
    BranchDeleted,
    /// The commit after which the events should begin does not exist, or was deleted.
    UnknownCommit,
    /// The store cannot be read.
    StoreFailed,
}

/// The feed of a watched branch. It reads the branch once for all subscribers. It is dropped with its last subscriber.
pub(super) struct BranchFeed {
    branch: BranchName,
    /// The position up to which the branch was read. Locked while the store is read, so only blocking threads may lock it.
    cursor: Mutex<BranchCursor>,
    /// The latest events. Locked only briefly, so async tasks may lock it too.
    buffer: Mutex<EventBuffer>,
    /// Notifies the subscribers that the buffer has new events, or that the feed has ended, with the reason.
    changes: watch::Sender<Option<FeedEnd>>,
    wants_commits: AtomicBool,
    is_failing: AtomicBool,
}

impl BranchFeed {
    /// Creates a feed that begins at the tip of the branch.
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

    /// Returns the name of the branch.
    pub fn branch(&self) -> &BranchName {
        &self.branch
    }

    /// Reads new commits of the branch, and adds their events to the buffer. Returns whether there were new commits. If so, there may be
    /// further ones.
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
            // The messages are built here, on a blocking thread, and not by the task of the first subscriber, because building large ones
            // takes a while.
            event.texts(&self.branch, EventFormat::Paths);
            if self.wants_commits.load(Ordering::Relaxed) {
                event.texts(&self.branch, EventFormat::PathsAndCommits);
            }
            self.buffer().push(event);
        }
        self.buffer().trim();
        if is_new {
            self.changes.send_modify(|_| ());
        }
    }

    /// Ends the feed. The subscribers still send the events that are in the buffer. Returns false, which [`poll`](Self::poll) returns to
    /// report that there are no new events.
    pub fn end(&self, end: FeedEnd) -> bool {
        self.changes.send_replace(Some(end));
        false
    }

    /// Returns whether the feed has ended.
    pub fn has_ended(&self) -> bool {
        self.changes.borrow().is_some()
    }

    /// Subscribes to the feed. Returns a receiver that is notified of new events and of the end of the feed, the sequence number of the
    /// next event, and the position of the branch before that event.
    pub fn subscribe(
        &self,
        format: EventFormat,
    ) -> (
        watch::Receiver<Option<FeedEnd>>,
        u64,
        Option<CursorPosition>,
    ) {
        if format == EventFormat::PathsAndCommits {
            self.wants_commits.store(true, Ordering::Relaxed);
        }
        let (number, position) = self.buffer().end();
        (self.changes.subscribe(), number, position)
    }

    /// Looks up the event with this sequence number in the buffer.
    pub fn event(&self, number: u64) -> BufferedEvent {
        self.buffer().get(number)
    }

    /// Returns the sequence number of the event that follows `position`; `None` if the buffer does not have that event any more.
    pub fn number_after(&self, position: Option<CursorPosition>) -> Option<u64> {
        self.buffer().number_after(position)
    }

    fn buffer(&self) -> MutexGuard<'_, EventBuffer> {
        self.buffer
            .lock()
            .expect("BUG: nothing panics while it is locked")
    }
}
