//! The stock git program: how it is found, run hermetically, limited and killed.
//!
//! Layer 0. What gix cannot do is done by git: packing with deltas (git-pack-objects(1)), commit-graphs (git-commit-graph(1)), serving
//! fetches and pushes (git-upload-pack(1), git-receive-pack(1)), speaking to other repositories (git-push(1), git-fetch(1)). The
//! store works without git; whoever calls this has another way, or does without. The user's and the system's git configuration
//! are read only where git speaks to other repositories (`remote_command.rs`): credentials, proxies and keys are the user's.

mod child;
mod clone;
mod commit_graph;
mod fetch;
mod pack_objects;
mod program;
mod push_to_mirror;
mod remote_command;
mod remotes;
mod serve;
mod stderr_summary;
mod user_env;

pub use child::Child;
pub use fetch::{Advertised, Followed};
pub use program::{Error, Git};
pub use push_to_mirror::{Push, Pushed};
pub use remotes::Remote;
pub use serve::{Dialogue, Side, Start, protocol};
