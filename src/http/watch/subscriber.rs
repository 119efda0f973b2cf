//! A subscriber: the position of one WebSocket in the feed of a branch.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::branch_feed::{BranchFeed, FeedEnd};
use super::event_buffer::{BufferedEvent, EventFormat, EventTexts, SharedEvent, event_texts};
use super::filtered_events::FilteredEvents;
use super::registry::WatchRegistry;
use crate::http::error::Result;
use crate::names::{BranchName, CommitId};
use crate::store::{self, BranchCursor, CursorPosition, EventFilter, PollResult};

/// How long a subscriber waits after an error in reading the store before it tries again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// How many times a subscriber tries again before it reports that the store failed.
const RETRIES_MAX: usize = 10;
/// The size above which the messages for a subscriber are large, in bytes. Only a few subscribers at a time may hold large messages that
/// they do not share with other subscribers.
const LARGE_BYTES: usize = 2 << 20;

/// The messages that a subscriber sends next, or the reason why there are none.
pub(super) enum NextMessages {
    /// Messages to send. The list may be empty even if more messages follow.
    Texts(EventTexts),
    /// No further messages follow, for this reason.
    End(FeedEnd),
}

/// The position of one client in a feed, the events of a branch. It is a sequence number in the feed's buffer or, if the buffer has dropped
/// that event, a cursor with which the subscriber itself reads the store. A subscriber reads its next messages only when the previous ones
/// were sent, so a slow WebSocket takes no more memory than a fast one.
pub(in crate::http) struct Subscriber {
    registry: Arc<WatchRegistry>,
    feed: Arc<BranchFeed>,
    changes: watch::Receiver<Option<FeedEnd>>,
    format: EventFormat,
    filtered: FilteredEvents,
    reading_from: ReadingFrom,
    /// The position up to which all events have been returned.
    position: Option<CursorPosition>,
    /// Held while a large message is sent that no other subscriber shares.
    large_message_permit: Option<OwnedSemaphorePermit>,
}

enum ReadingFrom {
    /// The subscriber reads the feed's buffer. The number is the sequence number of the subscriber's next event.
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
    /// 404 if the branch does not exist; 503 if too many branches are watched, or if the bucket of the store cannot be reached and this server
    /// is too old to know the commit; 500 if the store cannot be read.
    pub async fn subscribe(
        registry: Arc<WatchRegistry>,
        branch: Option<BranchName>,
        (format, filter): (EventFormat, EventFilter),
        since: Option<CommitId>,
    ) -> Result<Self> {
        let feed = match registry.feed(branch.clone()).await {
            // Another server, from which the client comes, may have created the branch.
            Err(error) if error.status() == StatusCode::NOT_FOUND && since.is_some() => {
                registry.read_connecting(store::Store::follow).await??;
                registry.feed(branch).await?
            }
            feed => feed?,
        };
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
            filtered: FilteredEvents::new(filter),
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
            if let Some(event) = self.filtered.take_due(self.format) {
                let texts = event_texts(&event, self.feed.branch(), self.format);
                return NextMessages::Texts(texts);
            }
            let next = match &self.reading_from {
                ReadingFrom::Buffer(number) => self.read_buffer(*number).await,
                ReadingFrom::Store(cursor) => match self.feed.number_after(cursor.position()) {
                    Some(number) => self.read_buffer(number).await,
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

    /// Waits until the feed has new events or ends. If the subscriber reads the store itself, also returns after a pause, so that the
    /// subscriber polls the store: the feed may not report the subscriber's next commit, because the feed may be at a position in another
    /// history. Also returns when an event that the filter left out must be reported.
    async fn wait_for_change(&mut self) {
        let changed = self.changes.changed();
        let pause = match self.reading_from {
            ReadingFrom::Buffer(_) => None,
            ReadingFrom::Store(_) | ReadingFrom::UnknownCommit => Some(RETRY_PAUSE),
        };
        let due = self.filtered.due_after(self.format);
        match pause.into_iter().chain(due).min() {
            // The error is impossible, because `feed` holds the sender.
            None => drop(changed.await),
            Some(pause) => drop(tokio::time::timeout(pause, changed).await),
        }
    }

    async fn read_buffer(&mut self, number: u64) -> Result<Option<NextMessages>> {
        self.reading_from = ReadingFrom::Buffer(number);
        match self.feed.event(number) {
            BufferedEvent::NotYet => return Ok(None),
            BufferedEvent::Available(event) => {
                let texts = if self.filtered.filter().is_empty() {
                    event.texts(self.feed.branch(), self.format)
                } else {
                    self.read_filtered(&event).await?
                };
                self.reading_from = ReadingFrom::Buffer(number + 1);
                self.position = Some(event.position());
                return Ok(Some(NextMessages::Texts(texts)));
            }
            BufferedEvent::Dropped => {}
        }
        let cursor = BranchCursor::new(self.feed.branch().clone(), self.position);
        self.reading_from = ReadingFrom::Store(Box::new(cursor));
        // An empty list and not `None`, so that the subscriber does not wait: the next call reads the store, which has more events.
        Ok(Some(NextMessages::Texts(EventTexts::from([]))))
    }

    /// Applies the subscriber's filter to an event of the buffer, and returns the messages for it. They are not shared with other
    /// subscribers; empty if the filter leaves the event out.
    async fn read_filtered(&mut self, event: &Arc<SharedEvent>) -> Result<EventTexts> {
        loop {
            let (branch, format) = (self.feed.branch().clone(), self.format);
            let (mut filtered, event) = (self.filtered.clone(), Arc::clone(event));
            // On a blocking thread, because an event may have many paths.
            let read = self.registry.read_catching_up(move |_| {
                let selected = filtered.select(event.event());
                let texts = selected.map(|event| event_texts(&event, &branch, format));
                (texts.unwrap_or_else(|| EventTexts::from([])), filtered)
            });
            let (texts, filtered) = read.await?;
            if self.needs_permit(&texts) {
                drop(texts);
                self.wait_for_permit().await;
                continue;
            }
            self.filtered = filtered;
            return Ok(texts);
        }
    }

    /// Returns whether the subscriber must wait for a permit before it sends the messages: they are large, and it holds no permit for large
    /// messages. No other subscriber shares `texts`.
    fn needs_permit(&self, texts: &EventTexts) -> bool {
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        bytes > LARGE_BYTES && self.large_message_permit.is_none()
    }

    /// Waits for a permit for large messages. The caller must drop the messages before and read them again afterwards, so that the
    /// subscriber holds no memory while it waits.
    async fn wait_for_permit(&mut self) {
        let permits = Arc::clone(&self.registry.large_message_permits);
        let permit = permits.acquire_owned().await;
        self.large_message_permit = Some(permit.expect("BUG: the semaphore is never closed"));
    }

    async fn read_store(&mut self, cursor: BranchCursor) -> Result<Option<NextMessages>> {
        loop {
            let (branch, format, mut ahead) =
                (self.feed.branch().clone(), self.format, cursor.clone());
            let mut filtered = self.filtered.clone();
            let read = self.registry.read_catching_up(move |store| {
                let next = match ahead.poll(store)? {
                    PollResult::Events(events) => {
                        let select = |event| filtered.select(event);
                        let selected = events.iter().filter_map(select);
                        let texts = selected
                            .flat_map(|event| event_texts(&event, &branch, format).to_vec());
                        NextMessages::Texts(texts.collect())
                    }
                    PollResult::BranchDeleted => NextMessages::End(FeedEnd::BranchDeleted),
                    PollResult::CommitDropped => NextMessages::End(FeedEnd::UnknownCommit),
                };
                Ok::<_, store::Error>((ahead, filtered, next))
            });
            let (ahead, filtered, next) = read.await??;
            if let NextMessages::Texts(texts) = &next {
                if self.needs_permit(texts) {
                    drop(next);
                    self.wait_for_permit().await;
                    continue;
                }
                let is_at_tip = self.position == ahead.position();
                self.filtered = filtered;
                self.position = ahead.position();
                self.reading_from = ReadingFrom::Store(Box::new(ahead));
                if texts.is_empty() && is_at_tip {
                    return Ok(None);
                }
            }
            return Ok(Some(next));
        }
    }
}
