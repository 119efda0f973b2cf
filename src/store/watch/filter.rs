//! Selects the changes of some modules from events.

use super::event::Event;
use crate::names::Glob;

/// Selects the changes of modules that one of several globs selects. Without globs, it selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter(Vec<Glob>);

impl EventFilter {
    /// Returns a filter with these globs.
    pub fn new(globs: Vec<Glob>) -> Self {
        Self(globs)
    }

    /// Returns the globs.
    pub fn globs(&self) -> &[Glob] {
        &self.0
    }

    /// Returns whether the filter has no globs, and so selects everything, even events without changes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether the filter selects a change of the module at `path`, which has no leading slash.
    pub fn selects(&self, path: &str) -> bool {
        self.is_empty() || self.0.iter().any(|glob| glob.selects(path))
    }

    /// Returns the event with the selected changes only.
    pub fn apply(&self, event: &Event) -> Event {
        let changes = event.changes.iter();
        let selected = changes.filter(|change| self.selects(change.path.as_str()));
        Event {
            changes: selected.cloned().collect(),
            commit: event.commit.clone(),
            reset: event.reset,
        }
    }
}
