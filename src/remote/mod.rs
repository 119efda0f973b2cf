//! Connects a store with other repositories and servers: serves pushes and fetches, pushes to mirrors, follows a primary or a bucket,
//! clones, and sends requests to another wasmstore server.
//!
//! Layer 3. This subsystem uses the store, the git program and other servers. It does not use the HTTP router or the command line.
//!
//! - `operations` is the trait of the store's operations. `local` implements it for a store in a local directory, `client` for a store
//!   behind a server.
//! - `git_http_backend` serves fetches and pushes; `receive_hooks` implements the hooks that validate and publish a push.
//! - `mirror` and `mirror_*` keep other repositories, the mirrors, equal to the store.
//! - `replica` and `primary*` keep the store equal to another store, the primary. `bucket_follower` and `peer_check` keep the local copy of
//!   a store in a bucket up to date.
//! - `clone` creates a store from another repository.
//! - `proxy` chooses the HTTP proxy for the connections of `client`, and `http_proxy` connects through it.

mod bucket_follower;
mod client;
mod clone;
mod dry_run;
mod error;
mod git_http_backend;
mod http_proxy;
mod local;
mod mirror;
mod mirror_config;
mod mirror_push;
mod mirror_state;
mod mirror_status;
mod mirror_worker;
mod module_reader;
mod module_source;
mod operations;
mod peer_check;
mod preview_removal;
mod preview_restore;
mod primary;
mod primary_refs;
mod primary_watch;
mod proxy;
mod put_if_absent;
pub mod receive_hooks;
mod replica;
mod websocket;

pub use crate::git::{
    ChildProcess, ServerProcess, lift_limits, limit_processes, reached_limit, user_identity,
};
pub use bucket_follower::{BucketFollowStatus, BucketFollower};
pub use client::{Client, ErrorResponse};
pub use clone::clone;
pub use dry_run::{DryRun, PutEffect, dry_run};
pub use error::{Error, Result};
pub use git_http_backend::{
    GitHttpBackend, GitRequest, GitService, PushIdentity, advertisement_preamble, is_client_error,
};
pub use mirror::{Mirror, Mirrors, PushCounts};
pub use mirror_config::UnrelatedRepository;
pub use mirror_status::{MirrorStatus, SyncState};
pub use module_reader::ModuleReader;
pub use module_source::{ModuleSource, SeekableRead};
pub use operations::StoreOperations;
pub use preview_removal::preview_removal;
pub use preview_restore::preview_restore;
pub use primary::Primary;
pub use proxy::ProxySettings;
pub use put_if_absent::put_if_absent;
pub use replica::{Replica, ReplicaStatus};
