//! Follows a branch: returns an event for each new commit.

mod cursor;
mod event;
mod filter;
mod open_cursor;
mod watcher;

pub use cursor::{BranchCursor, PollResult};
pub use event::{CursorPosition, Event};
pub use filter::EventFilter;
pub use watcher::Watcher;
