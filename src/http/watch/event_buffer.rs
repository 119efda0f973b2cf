//! The latest events of a branch, which all subscribers of the branch share.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::extract::ws::Utf8Bytes;

use crate::names::BranchName;
use crate::store::{CursorPosition, Event};
use crate::wire;

/// The limit on the total size of the events in a buffer, in bytes.
const BUFFER_BYTES_MAX: usize = 4 << 20;
/// The limit on the number of events in a buffer.
const BUFFER_EVENTS_MAX: usize = 4096;
/// How long an event larger than [`BUFFER_BYTES_MAX`] stays in the buffer, so that the subscribers can send it.
const LARGE_EVENT_AGE_MAX: Duration = Duration::from_secs(10);

/// The content of the messages that a client gets about new commits of a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum EventFormat {
    /// The changed paths of each commit. This is the default.
    Paths,
    /// The changed paths of each commit together with the commit itself, requested with `?commits=true`.
    PathsAndCommits,
}

/// The texts of the messages for one or more events, in the order in which they are sent.
pub(super) type EventTexts = Arc<[Utf8Bytes]>;

/// Returns the messages of an event in the requested format.
pub(super) fn event_texts(event: &Event, branch: &BranchName, format: EventFormat) -> EventTexts {
    let texts = match format {
        EventFormat::Paths => wire::event_texts(event),
        EventFormat::PathsAndCommits => wire::wrapped_event_texts(event, branch),
    };
    texts.into_iter().map(Utf8Bytes::from).collect()
}

/// An event, and its messages, which are built only once for all subscribers.
pub(super) struct SharedEvent {
    event: Event,
    /// The messages in each format, with the [`EventFormat`] as index.
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

    /// Returns the event.
    pub fn event(&self) -> &Event {
        &self.event
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

    /// Estimates the memory of the event and of its messages in both formats, in bytes.
    fn bytes(&self) -> usize {
        3 * self.event.bytes()
    }
}

/// The result of looking up an event in a buffer by its sequence number.
pub(super) enum BufferedEvent {
    /// The event with that number.
    Available(Arc<SharedEvent>),
    /// There is no event with this number yet.
    NotYet,
    /// The event was dropped from the buffer. The subscriber must read it from the store again, so it is not lost.
    Dropped,
}

/// The latest events of a branch. Events are numbered consecutively.
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

    /// Drops the oldest events while the buffer exceeds its limits. If the buffer has only one event, which is too large, that event stays
    /// for [`LARGE_EVENT_AGE_MAX`]: otherwise the subscribers could not share it.
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

    /// Looks up the event with this sequence number.
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

    /// Returns the sequence number that the next event will get, and the position of the branch before that event.
    pub fn end(&self) -> (u64, Option<CursorPosition>) {
        (self.first + self.events.len() as u64, self.position)
    }

    /// Returns the sequence number of the event that follows `position`; `None` if the buffer does not have that event any more.
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
