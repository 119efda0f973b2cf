//! The WebSockets of `GET /watch`.
//!
//! The registry has one feed per watched branch, so that the store is read once for all subscribers of a branch. A feed keeps its
//! latest events in a bounded buffer. A subscriber is a position in that buffer. If the buffer no longer has the event at that position,
//! the subscriber reads the store by itself until it has caught up. So a slow client costs no memory and loses no commit.

mod branch_feed;
mod event_buffer;
mod registry;
mod session;
mod socket;
mod subscriber;

pub(super) use event_buffer::EventFormat;
pub(super) use registry::WatchRegistry;
pub(super) use session::run_session;
pub(super) use subscriber::Subscriber;
