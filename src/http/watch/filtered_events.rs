//! The events that a subscriber's filter leaves out, and when the subscriber reports them nevertheless.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::event_buffer::EventFormat;
use crate::store::{Event, EventFilter};

/// How often a commit without selected changes is reported.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// A subscriber's filter, and the last event that it left out.
///
/// A watcher keeps the commit of the last event as its cursor. If it were told of no commit that changes nothing for it, its cursor would stay
/// behind until a selected module changes, and a `gc` could delete the cursor's commit meanwhile.
#[derive(Clone, Debug)]
pub(super) struct FilteredEvents {
    filter: Arc<EventFilter>,
    /// The last event, without its changes, if no event was reported after it.
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

    /// Returns the event with the selected changes; `None` if it has none, which is noted.
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

    /// Returns how long it takes until an event that was left out must be reported; `None` if there is none. Only an event with its commit can
    /// be reported.
    pub fn due_after(&self, format: EventFormat) -> Option<Duration> {
        self.last
            .as_ref()
            .filter(|_| format == EventFormat::Commits)?;
        let elapsed = self.reported.map(|reported| reported.elapsed());
        Some(elapsed.map_or(Duration::ZERO, |elapsed| {
            REPORT_INTERVAL.saturating_sub(elapsed)
        }))
    }

    /// Returns the event that must be reported now.
    pub fn take_due(&mut self, format: EventFormat) -> Option<Event> {
        self.due_after(format).filter(Duration::is_zero)?;
        self.reported = Some(Instant::now());
        self.last.take()
    }
}
