//! The store and others: what is served to git, pushed in by it, and pushed on to mirrors; replicas; and the client of a store that
//! is served elsewhere.
//!
//! Layer 3. It joins the git program and other servers to the store, and knows neither HTTP's router nor the command line.

mod any;
mod client;
mod clone;
mod error;
mod git_http_backend;
mod mirror;
mod mirror_config;
mod mirror_push;
mod mirror_state;
mod mirror_status;
mod mirror_worker;
mod primary;
mod primary_watch;
pub mod receive_hooks;
mod replica;
mod websocket;

pub use crate::git::{Child, Dialogue};
pub use any::{AnyStore, Found};
pub use client::{Client, Refused};
pub use clone::clone;
pub use error::{Error, Result};
pub use git_http_backend::{Asked, GitServer, Pusher, Service, blames_request, preamble};
pub use mirror::{Counts, Mirror, Mirrors};
pub use mirror_config::Unrelated;
pub use mirror_status::{Standing, Status};
pub use primary::Primary;
pub use replica::{Replica, ReplicaStatus};
