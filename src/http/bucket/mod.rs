//! The layers of a server that shares its store with other servers in a bucket.

mod buffered_request;
mod copy;
mod doubt;
mod forward;
mod generation;
mod outgoing;

pub(super) use copy::serve_copy;
pub(super) use forward::forward_writes;
