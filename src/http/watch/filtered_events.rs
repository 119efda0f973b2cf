//! The events that a subscriber's filter leaves out. From time to time, the subscriber reports the newest of them, so that its client
//! learns the commit.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::event_buffer::EventFormat;
use crate::store::{Event, EventFilter};

/// The minimum time between two reports of commits that contain no changes that the subscriber's filter selects.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// A subscriber's filter, and the last event that it left out.
///
/// A client remembers the commit of the last event, to continue after it later. If commits without selected changes were never reported,
/// this commit would become old, and a `gc` could delete it before a selected module changes.
#[derive(Clone, Debug)]
pub(super) struct FilteredEvents {
    filter: Arc<EventFilter>,
    /// The newest event that the filter has left out, without its changes; `None` if an event was reported after it.
    last: Option<Event>,
    reported: Option<Instant>,
}

impl FilteredEvents {
    pub fn new(filter: EventFilter) -> Self {
        Self {
            filter: Arc::new(filter),
            last: None,
            reported: None,
        }
    }

    pub fn filter(&self) -> &EventFilter {
        &self.filter
    }

    /// Returns the event with the selected changes. If it has none, remembers the event for a later report and returns `None`.
    pub fn select<'e>(&mut self, event: &'e Event) -> Option<Cow<'e, Event>> {
        if self.filter.is_empty() {
            return Some(Cow::Borrowed(event));
        }
        let mut selected = self.filter.apply(event);
        let last = self.last.take();
        selected.reset |= last.is_some_and(|last| last.reset);
        if !selected.changes.is_empty() {
            return Some(Cow::Owned(selected));
        }
        self.last = Some(selected);
        None
    }

    /// Returns the time that remains until the client must be notified of the newest event that the filter left out, so that the client
    /// knows the newest commit; `None` if there is no such event, or if events of this `format` do not contain commits.
    pub fn due_after(&self, format: EventFormat) -> Option<Duration> {
        self.last
            .as_ref()
            .filter(|_| format == EventFormat::PathsAndCommits)?;
        let elapsed = self.reported.map(|reported| reported.elapsed());
        Some(elapsed.map_or(Duration::ZERO, |elapsed| {
            REPORT_INTERVAL.saturating_sub(elapsed)
        }))
    }

    /// Returns the newest event that the filter has left out, if the client must be notified of it now; `None` if there is no such event.
    pub fn take_due(&mut self, format: EventFormat) -> Option<Event> {
        self.due_after(format).filter(Duration::is_zero)?;
        self.reported = Some(Instant::now());
        self.last.take()
    }
}
