//! The latest events of a branch, shared by its subscribers.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::extract::ws::Utf8Bytes;

use crate::names::BranchName;
use crate::store::{CursorPosition, Event};
use crate::wire;

/// The limit on the total size of the events in a buffer, in bytes.
const BUFFER_BYTES_MAX: usize = 4 << 20;
/// How many events a buffer may hold.
const BUFFER_EVENTS_MAX: usize = 4096;
/// How long an event that alone exceeds [`BUFFER_BYTES_MAX`] is kept for the subscribers to send.
const LARGE_EVENT_AGE_MAX: Duration = Duration::from_secs(10);

/// The format of the messages that a client requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum EventFormat {
    /// The changed paths of each commit.
    Changes,
    /// The changed paths together with the commit: `?commits=true`.
    Commits,
}

/// The messages of one or more events, in the order in which they are sent.
pub(super) type EventTexts = Arc<[Utf8Bytes]>;

/// Returns the messages of an event in the requested format.
pub(super) fn event_texts(event: &Event, branch: &BranchName, format: EventFormat) -> EventTexts {
    let texts = match format {
        EventFormat::Changes => wire::event_texts(event),
        EventFormat::Commits => wire::wrapped_event_texts(event, branch),
    };
    texts.into_iter().map(Utf8Bytes::from).collect()
}

/// An event whose messages are built once for all subscribers.
pub(super) struct SharedEvent {
    event: Event,
    /// The messages in each format, indexed by [`EventFormat`].
    texts: [OnceLock<EventTexts>; 2],
    created: Instant,
}

impl SharedEvent {
    /// Wraps an event that was just read from the store.
    pub fn new(event: Event) -> Self {
        Self {
            event,
            texts: [OnceLock::new(), OnceLock::new()],
            created: Instant::now(),
        }
    }

    /// Returns the position of the branch after the event.
    pub fn position(&self) -> CursorPosition {
        self.event.position()
    }

    /// Returns the messages in the requested format.
    pub fn texts(&self, branch: &BranchName, format: EventFormat) -> EventTexts {
        let texts = &self.texts[format as usize];
        Arc::clone(texts.get_or_init(|| event_texts(&self.event, branch, format)))
    }

    /// Estimates the memory taken by the event and its messages in both formats.
    fn bytes(&self) -> usize {
        3 * self.event.bytes()
    }
}

/// The result of looking up an event in a buffer by its sequence number.
pub(super) enum BufferedEvent {
    /// The event with that number.
    Available(Arc<SharedEvent>),
    /// The number has not been assigned yet.
    NotYet,
    /// The event has been dropped from the buffer. The subscriber reads it from the repository, so nothing is lost.
    Dropped,
}

/// The latest events of a branch, numbered in sequence.
pub(super) struct EventBuffer {
    events: VecDeque<Arc<SharedEvent>>,
    /// The sequence number of the oldest event.
    first: u64,
    bytes: usize,
    /// The position of the branch after the newest event.
    position: Option<CursorPosition>,
}

impl EventBuffer {
    /// Returns an empty buffer for a branch at `position`.
    pub fn new(position: Option<CursorPosition>) -> Self {
        Self {
            events: VecDeque::new(),
            first: 0,
            bytes: 0,
            position,
        }
    }

    /// Appends an event.
    pub fn push(&mut self, event: Arc<SharedEvent>) {
        self.bytes += event.bytes();
        self.position = Some(event.position());
        self.events.push_back(event);
        self.trim();
    }

    /// Drops the oldest events while the buffer exceeds its limits. A large event that is the only one is kept for
    /// [`LARGE_EVENT_AGE_MAX`]; otherwise no subscriber could share it.
    pub fn trim(&mut self) {
        while self.bytes > BUFFER_BYTES_MAX || self.events.len() > BUFFER_EVENTS_MAX {
            let is_only = self.events.len() == 1;
            let may_drop = |oldest: &&Arc<SharedEvent>| {
                !is_only || oldest.created.elapsed() > LARGE_EVENT_AGE_MAX
            };
            let Some(oldest) = self.events.front().filter(may_drop) else {
                return;
            };
            self.bytes -= oldest.bytes();
            self.events.pop_front();
            self.first += 1;
        }
    }

    /// Returns the event with this sequence number.
    pub fn get(&self, number: u64) -> BufferedEvent {
        let Some(index) = number.checked_sub(self.first) else {
            return BufferedEvent::Dropped;
        };
        let event = usize::try_from(index)
            .ok()
            .and_then(|index| self.events.get(index));
        event.map_or(BufferedEvent::NotYet, |event| {
            BufferedEvent::Available(Arc::clone(event))
        })
    }

    /// Returns the sequence number of the next event, and the position of the branch before it.
    pub fn end(&self) -> (u64, Option<CursorPosition>) {
        (self.first + self.events.len() as u64, self.position)
    }

    /// Returns the sequence number of the event that follows `position`, if the buffer reaches back that far.
    pub fn number_after(&self, position: Option<CursorPosition>) -> Option<u64> {
        let (end, tip) = self.end();
        if position == tip {
            return Some(end);
        }
        let is_at_position = |event: &Arc<SharedEvent>| Some(event.position()) == position;
        let index = self.events.iter().rposition(is_at_position)?;
        Some(self.first + index as u64 + 1)
    }
}
