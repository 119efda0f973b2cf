//! Following a branch commit by commit.

mod cursor;
mod watcher;

pub use cursor::{Cursor, CursorPosition, Event, PollResult};
pub use watcher::Watcher;
