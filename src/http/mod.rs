//! The HTTP surface: the API, watch, git's smart protocol, keys, TLS and metrics.
//!
//! Layer 4. It turns requests into calls of [`store`](crate::store) and results into answers, and knows nothing beneath.
//! Everything here is asynchronous; what it calls is not. `crossing.rs` is the one place where the two meet.
//!
//! `router.rs` has the whole API and the order of the layers on one page.

mod answer;
mod bodies;
mod caching;
mod changed;
mod crossing;
mod decode;
mod edge;
mod error;
mod extract;
mod forms;
mod guard;
mod json;
mod maintenance;
mod memory;
mod metrics;
mod mirrors;
mod normalize;
mod openapi;
mod page;
mod percent;
mod range;
mod receive;
mod router;
mod routes;
mod share;
mod smart;
mod state;
mod tags;
mod trace;
mod watching;

pub use edge::{Hold, Peer, Server, Tls, TlsError, TlsReload};
pub(crate) use edge::{read_any, read_regular};
pub use guard::{Changes, KeyError, Keyring, Keys};
pub use router::{Serving, router};
