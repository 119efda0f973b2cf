//! The HTTP surface: the API request by request, and the server over real sockets.

mod abort;
mod api;
mod edge;
mod go_client;
mod http2;
mod served;
mod stop;
mod tls;
mod watch;
mod watching;
mod websocket;
