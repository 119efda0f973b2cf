//! The listening socket and its connections: accepting, limits, TLS, timeouts and shutdown.
//!
//! This directory handles the HTTP protocol, but not the meaning of the requests. It exists because axum-server has no connection limit
//! that answers 503, no idle timeout, and no way to close a connection such that the client receives the last response.

mod acceptor;
mod address;
mod bounded_file;
mod client_socket;
mod connection;
mod connection_service;
mod connection_state;
mod exchange;
mod exchange_clock;
mod header_timer;
mod hyper_config;
mod idle_clock;
mod key_pair;
mod lingering_close;
mod listening_socket;
mod permits;
mod request_extensions;
mod server;
mod tls;
mod tracked_body;

pub use address::{BoundAddress, ListenAddress, ListenAddressError};
pub(crate) use bounded_file::{read_bounded, read_bounded_regular_file};
pub use key_pair::TlsError;
pub(in crate::http) use request_extensions::HoldsNoMemory;
pub use request_extensions::{Peer, ShutdownGuard};
pub use server::Server;
pub use tls::{Tls, TlsReload};
