//! A store that is a copy of a store in a bucket, which several machines share.

mod copy;
mod follow;

pub use follow::FollowWait;
