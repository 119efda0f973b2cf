//! Runs the stock git program: finds it on the `PATH`, isolates it from the user's configuration, limits its run time, and kills it.
//!
//! Layer 0 (see the table in `src/lib.rs`). git does what gix cannot do: packing with deltas (git-pack-objects(1)), commit-graphs
//! (git-commit-graph(1)), serving fetches and pushes (git-upload-pack(1), git-receive-pack(1)), and communicating with other repositories
//! (git-push(1), git-fetch(1)). The store works without git: each caller has an alternative or omits the feature. Only two kinds of
//! commands read the user's and the system's git configuration: commands that contact another repository (`remote_command.rs`), because
//! they need the user's credentials, proxies and ssh keys, and `git config` for the user's name (`user_identity.rs`).

mod child;
mod child_env;
mod clone;
mod commit_graph;
mod error;
mod fetch;
mod pack_objects;
mod process_limits;
mod program;
mod push_to_mirror;
mod remote_command;
mod remotes;
mod secret_config;
mod serve;
mod stderr_summary;
mod user_env;
mod user_identity;

pub use child::ChildProcess;
pub use error::Error;
pub use fetch::{AdvertisedRefs, FetchSource};
pub use process_limits::{lift_limits, limit_processes, reached_limit};
pub use program::Git;
pub use push_to_mirror::{MirrorChange, MirrorPush, MirrorPushResult};
pub use remotes::RemoteConfig;
pub use serve::{ServerCommand, ServerProcess, ServerProcessOptions, valid_protocol};
pub use user_identity::user_identity;
