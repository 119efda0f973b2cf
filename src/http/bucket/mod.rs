//! The layers of a server that shares its store with other servers in a bucket.

mod copy;
mod forward;
mod generation;

pub(super) use copy::serve_copy;
pub(super) use forward::forward_writes;
