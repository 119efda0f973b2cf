//! Options for serving a store.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::budget::ByteBudget;
use crate::config::ServerLimits;
use crate::http::base_path::BasePath;
use crate::http::middleware::auth::Keyring;
use crate::http::middleware::client_address::TrustedProxy;
use crate::http::middleware::host::AllowedHost;
use crate::http::middleware::redirect_writes::ReplicaWrites;
use crate::http::peers::PeerKeySource;
use crate::names::BranchName;
use crate::remote::{BucketFollower, GitHttpBackend, Mirrors, Replica};

/// Options for serving a store.
#[derive(Default)]
pub struct ServerOptions {
    /// The limits on the resources that clients can use.
    pub limits: ServerLimits,
    /// The memory budget for everything that is held for clients.
    pub memory: ByteBudget,
    /// The accepted keys. Without keys, every request is allowed for the life of the server.
    pub keys: Option<Keyring>,
    /// Whether pages of any origin may use the API.
    pub has_cors: bool,
    /// The host names that requests may use, in addition to IP addresses, `localhost` and the name that the server is bound to. If this
    /// is empty, every name is allowed, unless the server has no keys and listens on loopback addresses only.
    pub allowed_hosts: Vec<AllowedHost>,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<TrustedProxy>,
    /// The path below which the server answers.
    pub base_path: BasePath,
    /// Whether the server has the web UI.
    pub has_web: bool,
    /// Is cancelled when the server will soon stop but still serves. From then on, `/readyz` responds with 503.
    pub draining: CancellationToken,
    /// Returns how many lines of the log were dropped, for `/metrics`.
    pub dropped_log_lines: Option<fn() -> u64>,
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
    /// On a server that shares its store with others in a bucket, what keeps its copy up to date.
    pub bucket: Option<Arc<BucketFollower>>,
    /// On such a server, the secret that the servers share. Without it, the server forwards no request to another one.
    pub peer_key: Option<PeerKeySource>,
}
