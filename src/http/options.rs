//! Options for serving a store.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::config::ServerLimits;
use crate::http::middleware::auth::Keyring;
use crate::http::middleware::redirect_writes::ReplicaWrites;
use crate::names::BranchName;
use crate::remote::{GitHttpBackend, Mirrors, Replica};

/// Options for serving a store.
#[derive(Default)]
pub struct ServerOptions {
    /// The limits on the resources that clients can use.
    pub limits: ServerLimits,
    /// The accepted keys. Without keys, every request is allowed for the life of the server.
    pub keys: Option<Keyring>,
    /// Whether pages of any origin may use the API.
    pub has_cors: bool,
    /// Replaces the store's default branch until a request sets the default branch.
    pub default_branch: Option<BranchName>,
    /// The runtime whose threads run writes. Without it, writes run on the same threads as reads.
    pub write_threads: Option<Handle>,
    /// The git program that serves fetches and pushes. Without it, they are answered with 501.
    pub git: Option<GitHttpBackend>,
    /// The mirrors whose state `/metrics` reports.
    pub mirrors: Option<Arc<Mirrors>>,
    /// On a replica, the replication that updates the store, and the response to writes.
    pub replica: Option<(Arc<Replica>, ReplicaWrites)>,
}
