//! The HTTP server: API, watching of branches, git's smart protocol, OCI registry, web UI, authentication, TLS and metrics.
//!
//! Layer 4. It translates requests to calls of [`store`](crate::store), and their results to responses. It never uses the repository or the
//! index directly. Everything here is asynchronous, but the store is synchronous: `blocking.rs` runs the calls of the store on blocking
//! threads. `router.rs` lists all routes and the order of the layers around them.

mod admission;
mod base_path;
mod blocking;
mod bucket;
mod charged;
mod commit_header;
mod error;
mod extract;
mod git;
mod git_permits;
mod git_url;
mod json;
mod json_items;
mod json_list;
mod listener;
mod lists;
mod metrics;
mod middleware;
mod module;
mod openapi;
mod options;
mod pages;
mod pagination;
mod peers;
mod percent;
mod preview_cache;
mod router;
mod routes;
mod site;
mod state;
mod upload;
mod watch;

pub use base_path::{BasePath, BasePathError};
pub use listener::{BoundAddress, ListenAddress, ListenAddressError};
pub use listener::{Peer, Server, ShutdownGuard, Tls, TlsError, TlsReload};
pub(crate) use listener::{read_bounded, read_bounded_regular_file};
pub use middleware::auth::{KeyError, Keyring, Keys};
pub use middleware::client_address::{TrustedProxy, TrustedProxyError};
pub use middleware::host::{AllowedHost, AllowedHostError};
pub use middleware::redirect_writes::ReplicaWrites;
pub use options::ServerOptions;
pub use peers::{PeerKey, PeerKeySource};
pub use router::router;
