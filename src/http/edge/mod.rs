//! The edge: sockets, TLS and HTTP as a protocol; connections let in, watched over and ended. What is asked is not looked at here.

mod activity;
mod connection;
mod door;
mod file;
mod head_timer;
mod idle;
mod linger;
mod pair;
mod peer;
mod place;
mod protocol;
mod server;
mod service;
mod tls;

pub(crate) use file::{read_any, read_regular};
pub use peer::{Hold, Peer};
pub use server::Server;
pub use tls::{Error as TlsError, Tls, TlsReload};
