//! The HTTP surface: the API, watch, git's smart protocol, keys, TLS and metrics.
//!
//! Layer 4. It turns requests into calls of [`store`](crate::store) and results into answers, and knows nothing beneath.
//! Everything here is asynchronous; what it calls is not. `blocking.rs` is the one place where the two meet.
//!
//! `router.rs` has the whole API and the order of the layers on one page.

mod blocking;
mod commit_header;
mod error;
mod extract;
mod git;
mod json;
mod listener;
mod metrics;
mod middleware;
mod module;
mod openapi;
mod pagination;
mod percent;
mod router;
mod routes;
mod state;
mod upload;
mod watch;

pub use listener::{Peer, Server, ShutdownGuard, Tls, TlsError, TlsReload};
pub(crate) use listener::{read_bounded, read_bounded_regular_file};
pub use middleware::auth::{KeyError, Keyring, Keys};
pub use middleware::redirect_writes::Changes;
pub use router::{Serving, router};
