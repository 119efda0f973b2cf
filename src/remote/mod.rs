//! The store and others: what is served to git, pushed in by it, and pushed on to mirrors; replicas; and the client of a store that
//! is served elsewhere.
//!
//! Layer 3. It joins the git program and other servers to the store, and knows neither HTTP's router nor the command line.

mod any;
mod client;
mod clone;
mod error;
mod keep;
mod manage;
mod mirror;
mod primary;
mod push;
pub mod receive;
mod replica;
mod serve;
mod socket;
mod state;
mod status;
mod watch;

pub use crate::git::{Child, Dialogue};
pub use any::{AnyStore, Found};
pub use client::{Client, Refused};
pub use clone::clone;
pub use error::{Error, Result};
pub use manage::Unrelated;
pub use mirror::{Counts, Mirror, Mirrors};
pub use primary::Primary;
pub use replica::{Replica, ReplicaStatus};
pub use serve::{Asked, GitServer, Pusher, Service, blames_request, preamble};
pub use status::{Standing, Status};
