//! The HTTP server: the API request by request, and the listener over real sockets.

mod aborted_upload;
pub mod api;
mod go_client;
mod http2;
mod listener;
mod memory_pressure;
mod shutdown;
mod test_server;
mod tls;
mod watch;
mod watch_server;
mod websocket;
