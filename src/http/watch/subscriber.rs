//! A subscriber: the position of one WebSocket in the feed of a branch.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, watch};

use super::branch_feed::{BranchFeed, FeedEnd};
use super::event_buffer::{BufferedEvent, EventFormat, EventTexts, event_texts};
use super::registry::WatchRegistry;
use crate::http::error::Result;
use crate::names::{BranchName, CommitId};
use crate::store::{self, BranchCursor, CursorPosition, Event, PollResult};

/// How long a subscriber waits after an error in reading the store before it tries again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// How often a subscriber tries again before it reports that the store failed.
const RETRIES_MAX: usize = 10;
/// The size above which the messages for a subscriber are large, in bytes. Only a few subscribers at a time may hold large messages that
/// they do not share with others.
const LARGE_BYTES: usize = 2 << 20;

/// The messages that a subscriber sends next, or the reason why there are none.
pub(super) enum NextMessages {
    /// Messages to send. There may be none, although more may follow.
    Texts(EventTexts),
    /// No further messages follow, for this reason.
    End(FeedEnd),
}

/// A position in a feed. It is a sequence number in the feed's buffer or, if the buffer has dropped that event, a cursor with which the
/// subscriber itself reads the store. A subscriber reads its next messages only when the previous ones were sent, so a slow WebSocket takes
/// no more memory than a fast one.
pub(in crate::http) struct Subscriber {
    registry: Arc<WatchRegistry>,
    feed: Arc<BranchFeed>,
    changes: watch::Receiver<Option<FeedEnd>>,
    format: EventFormat,
    reading_from: ReadingFrom,
    /// The position up to which all events have been returned.
    position: Option<CursorPosition>,
    /// Held while a large message is sent that no other subscriber shares.
    large_message_permit: Option<OwnedSemaphorePermit>,
}

enum ReadingFrom {
    /// The subscriber reads the feed's buffer. This is the sequence number of its next event.
    Buffer(u64),
    /// The subscriber reads the store with this cursor.
    Store(Box<BranchCursor>),
    /// The subscriber reads nothing, because the commit after which the events should begin does not exist.
    UnknownCommit,
}

impl Subscriber {
    /// Subscribes to the events of a branch after the commit `since`, or after the tip. If there is no such commit, [`next`](Self::next)
    /// returns [`FeedEnd::UnknownCommit`].
    ///
    /// # Errors
    /// 404 if the branch does not exist; 503 if too many branches are watched; 500 if the store cannot be read.
    pub async fn subscribe(
        registry: Arc<WatchRegistry>,
        branch: Option<BranchName>,
        format: EventFormat,
        since: Option<CommitId>,
    ) -> Result<Self> {
        let feed = registry.feed(branch).await?;
        let (changes, next, tip) = feed.subscribe(format);
        let (reading_from, position) = match since {
            None => (ReadingFrom::Buffer(next), tip),
            Some(since) => {
                let branch = feed.branch().clone();
                let cursor = move |store: &store::Store| store.cursor(Some(&branch), Some(since));
                match registry.read_connecting(cursor).await? {
                    Ok(cursor) => {
                        let position = cursor.position();
                        (ReadingFrom::Store(Box::new(cursor)), position)
                    }
                    Err(error) if error.kind() == store::ErrorKind::NotFound => {
                        (ReadingFrom::UnknownCommit, None)
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        };
        Ok(Self {
            registry,
            feed,
            changes,
            format,
            reading_from,
            position,
            large_message_permit: None,
        })
    }

    /// Returns the commit up to which all events have been returned.
    pub fn commit(&self) -> Option<CommitId> {
        self.position.map(|position| position.commit())
    }

    /// Waits for the next messages and returns them. The caller must have sent the previous ones.
    pub(super) async fn next(&mut self) -> NextMessages {
        self.large_message_permit = None;
        let mut failures = 0;
        loop {
            // The current state is marked as seen before the events are read, so that a change during the read is not missed.
            let end = *self.changes.borrow_and_update();
            let next = match &self.reading_from {
                ReadingFrom::Buffer(number) => self.read_buffer(*number),
                ReadingFrom::Store(cursor) => match self.feed.number_after(cursor.position()) {
                    Some(number) => self.read_buffer(number),
                    None => self.read_store(BranchCursor::clone(cursor)).await,
                },
                ReadingFrom::UnknownCommit => Ok(Some(NextMessages::End(FeedEnd::UnknownCommit))),
            };
            match (next, end) {
                (Ok(Some(next)), _) => return next,
                (Ok(None), Some(end)) => return NextMessages::End(end),
                (Ok(None), None) => self.wait_for_change().await,
                (Err(_), _) if failures == RETRIES_MAX => {
                    return NextMessages::End(FeedEnd::StoreFailed);
                }
                (Err(_), _) => {
                    failures += 1;
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            }
        }
    }

    /// Waits until the feed has new events or ends. If the subscriber reads the store itself, this also returns after a pause, so that the
    /// subscriber polls the store: the cursor of the feed may be in another history than that of the subscriber.
    async fn wait_for_change(&mut self) {
        let changed = self.changes.changed();
        match self.reading_from {
            // The error is impossible, because `feed` holds the sender.
            ReadingFrom::Buffer(_) => drop(changed.await),
            ReadingFrom::Store(_) | ReadingFrom::UnknownCommit => {
                drop(tokio::time::timeout(RETRY_PAUSE, changed).await);
            }
        }
    }

    fn read_buffer(&mut self, number: u64) -> Result<Option<NextMessages>> {
        self.reading_from = ReadingFrom::Buffer(number);
        match self.feed.event(number) {
            BufferedEvent::NotYet => return Ok(None),
            BufferedEvent::Available(event) => {
                self.reading_from = ReadingFrom::Buffer(number + 1);
                self.position = Some(event.position());
                let texts = event.texts(self.feed.branch(), self.format);
                return Ok(Some(NextMessages::Texts(texts)));
            }
            BufferedEvent::Dropped => {}
        }
        let cursor = BranchCursor::new(self.feed.branch().clone(), self.position);
        self.reading_from = ReadingFrom::Store(Box::new(cursor));
        // An empty list and not `None`, so that the subscriber does not wait: the next call reads the store, which has more events.
        Ok(Some(NextMessages::Texts(EventTexts::from([]))))
    }

    async fn read_store(&mut self, cursor: BranchCursor) -> Result<Option<NextMessages>> {
        loop {
            let (branch, format, mut ahead) =
                (self.feed.branch().clone(), self.format, cursor.clone());
            let read = self.registry.read_catching_up(move |store| {
                let texts: Vec<_> = match ahead.poll(store)? {
                    PollResult::Events(events) => {
                        let texts = |event: &Event| event_texts(event, &branch, format).to_vec();
                        events.iter().flat_map(texts).collect()
                    }
                    PollResult::BranchDeleted => {
                        return Ok((ahead, NextMessages::End(FeedEnd::BranchDeleted)));
                    }
                    PollResult::CommitDropped => {
                        return Ok((ahead, NextMessages::End(FeedEnd::UnknownCommit)));
                    }
                };
                Ok::<_, store::Error>((ahead, NextMessages::Texts(texts.into())))
            });
            let (ahead, next) = read.await??;
            if let NextMessages::Texts(texts) = &next {
                let bytes: usize = texts.iter().map(|text| text.len()).sum();
                if bytes > LARGE_BYTES && self.large_message_permit.is_none() {
                    // The messages are dropped and read again later, so that the subscriber holds no memory while it waits for the permit.
                    drop(next);
                    let permits = Arc::clone(&self.registry.large_message_permits);
                    let permit = permits.acquire_owned().await;
                    self.large_message_permit =
                        Some(permit.expect("BUG: the semaphore is never closed"));
                    continue;
                }
                self.position = ahead.position();
                self.reading_from = ReadingFrom::Store(Box::new(ahead));
                if texts.is_empty() {
                    return Ok(None);
                }
            }
            return Ok(Some(next));
        }
    }
}
