//! The store and other git repositories: what is served to git, pushed in by it, and pushed on to mirrors.
//!
//! Layer 3. It joins the git program to the store, and knows neither HTTP's router nor the command line.

mod clone;
mod error;
pub mod receive;
mod serve;

pub use crate::git::{Child, Dialogue};
pub use error::{Error, Result};
pub use serve::{Asked, GitServer, Pusher, Service, blames_request, preamble};
mod keep;
mod manage;
mod mirror;
mod push;
mod state;
mod status;

pub use clone::clone;
pub use error::{Error, Result};
pub use manage::Unrelated;
pub use mirror::{Counts, Mirror, Mirrors};
pub use status::{Standing, Status};
