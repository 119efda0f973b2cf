//! WebSocket connections to another wasmstore server.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::client::Response;
use tungstenite::http::HeaderValue;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{HandshakeError, WebSocket, client_tls};

use super::http_proxy::HttpProxy;
use crate::names::ServerUrl;

/// A WebSocket connection to a server.
pub(super) type Socket = WebSocket<MaybeTlsStream<TcpStream>>;

/// A wasmstore server, and the settings for WebSocket connections to it.
pub(super) struct WebSocketServer<'s> {
    pub url: &'s ServerUrl,
    pub key: Option<&'s HeaderValue>,
    pub proxy: Option<&'s HttpProxy>,
    pub connect_timeout: Duration,
    /// The time without a message after which the connection is regarded as broken.
    pub silence_max: Duration,
}

impl WebSocketServer<'_> {
    /// Opens a WebSocket connection to the endpoint `path` of the server. The request has the additional headers `headers`.
    ///
    /// # Errors
    /// An error response of the server is returned as [`tungstenite::Error::Http`].
    pub fn connect(
        &self,
        path: &str,
        headers: &[(&'static str, HeaderValue)],
    ) -> tungstenite::Result<(Socket, Response)> {
        let mut request = self.url.socket_at(path).into_client_request()?;
        let key = self.key.map(|key| ("wasmstore-auth", key.clone()));
        for (name, value) in headers.iter().cloned().chain(key) {
            request.headers_mut().insert(name, value);
        }
        let stream = self.connect_tcp()?;
        client_tls(request, stream).map_err(|error| match error {
            HandshakeError::Failure(error) => error,
            HandshakeError::Interrupted(_) => io::Error::from(io::ErrorKind::TimedOut).into(),
        })
    }

    /// Opens a TCP connection to the server, through the proxy if there is one.
    fn connect_tcp(&self) -> io::Result<TcpStream> {
        let server = self.url.authority();
        let Some(proxy) = self.proxy else {
            return self.connect_to(server);
        };
        let mut stream = self.connect_to(proxy.authority())?;
        proxy.connect(&mut stream, server)?;
        Ok(stream)
    }

    /// Opens a TCP connection to a host name and port. Tries each address of the name until one accepts the connection.
    fn connect_to(&self, name: (&str, u16)) -> io::Result<TcpStream> {
        let mut last_error = io::Error::from(io::ErrorKind::NotFound);
        for address in name.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, self.connect_timeout) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(self.silence_max))?;
                    stream.set_write_timeout(Some(self.connect_timeout))?;
                    stream.set_nodelay(true)?;
                    return Ok(stream);
                }
                Err(error) => last_error = error,
            }
        }
        Err(last_error)
    }
}
