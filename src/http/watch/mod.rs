//! The watch endpoint's WebSockets: each watched branch is read once for all of its subscribers.

mod branch_feed;
mod event_buffer;
mod registry;
mod socket;
mod subscriber;

pub(super) use branch_feed::End;
pub(super) use event_buffer::Form;
pub(super) use registry::Hub;
pub(super) use socket::{Over, Socket};
pub(super) use subscriber::{Next, Seat};
