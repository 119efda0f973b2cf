//! Options of the HTTP server.

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

/// Options of the HTTP server.
#[derive(Default)]
pub struct ServerOptions {
    /// The limits on the resources that clients can use.
    pub limits: ServerLimits,
    /// The memory budget to which the memory of requests and responses is charged.
    pub memory: ByteBudget,
    /// The API keys that the server accepts. Without a keyring, the server allows every request, and no keys can be added while it runs.
    pub keys: Option<Keyring>,
    /// Whether the pages of other origins may use the API (CORS).
    pub has_cors: bool,
    /// The host names that the `Host` header of a request may have, in addition to IP addresses, `localhost` and the host name that the
    /// server is bound to. If the list is empty, every name is allowed, unless the server has no keys and listens on loopback addresses
    /// only.
    pub allowed_hosts: Vec<AllowedHost>,
    /// The proxies whose `X-Forwarded-For` header the server uses to find the address of the client.
    pub trusted_proxies: Vec<TrustedProxy>,
    /// The path below which the server answers.
    pub base_path: BasePath,
    /// Whether the server has the web UI.
    pub has_web: bool,
    /// A token that is cancelled when the server will soon stop but still serves. From then on, `/readyz` responds with 503.
    pub draining: CancellationToken,
    /// A function that returns how many log lines were dropped instead of written, for `/metrics`.
    pub dropped_log_lines: Option<fn() -> u64>,
    /// Replaces the store's default branch until a request sets the default branch.
    pub default_branch: Option<BranchName>,
    /// The tokio runtime whose blocking threads run writes. Without it, reads and writes run on the same threads.
    pub write_threads: Option<Handle>,
    /// The git program that serves fetches and pushes. Without it, the server answers them with 501.
    pub git: Option<GitHttpBackend>,
    /// The mirrors whose state `/metrics` reports.
    pub mirrors: Option<Arc<Mirrors>>,
    /// On a replica: the replication that updates the store, and how the replica responds to requests that write.
    pub replica: Option<(Arc<Replica>, ReplicaWrites)>,
    /// On a server that shares its store with other servers in a bucket: the task that updates the local copy of the store.
    pub bucket: Option<Arc<BucketFollower>>,
    /// On a server that shares its store with other servers in a bucket: the source of the secret that these servers share. Without it, the
    /// server forwards no requests to the other servers.
    pub peer_key: Option<PeerKeySource>,
}
