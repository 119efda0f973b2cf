//! Sends the changes of a branch to the WebSockets that `GET /watch` opens.
//!
//! The registry has one feed for each watched branch, which reads the store once for all subscribers of the branch. A feed keeps its latest
//! events in a buffer of limited size. A subscriber is a position in that buffer. If the buffer has already dropped the event at that
//! position, the subscriber reads the store itself until it has caught up with the buffer. So a slow client takes no additional memory and
//! misses no commit.

mod branch_feed;
mod event_buffer;
mod filtered_events;
mod registry;
mod session;
mod socket;
mod subscriber;

pub(super) use event_buffer::EventFormat;
pub(super) use registry::WatchRegistry;
pub(super) use session::run_session;
pub(super) use subscriber::Subscriber;
