//! WebSockets to another store's server.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::client::Response;
use tungstenite::http::HeaderValue;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{HandshakeError, WebSocket, client_tls};

use crate::names::ServerUrl;

/// A connection to a server.
pub(super) type Socket = WebSocket<MaybeTlsStream<TcpStream>>;

/// How a server is reached.
pub(super) struct Reached<'r> {
    pub url: &'r ServerUrl,
    pub key: Option<&'r HeaderValue>,
    pub connect_timeout: Duration,
    /// Whoever is silent for so long is taken for gone.
    pub silence_max: Duration,
}

impl Reached<'_> {
    /// Connects to what the server has at a path, with more headers.
    ///
    /// # Errors
    /// [`tungstenite::Error::Http`] is the server's refusal.
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
        let stream = self.reach()?;
        client_tls(request, stream).map_err(|error| match error {
            HandshakeError::Failure(error) => error,
            HandshakeError::Interrupted(_) => io::Error::from(io::ErrorKind::TimedOut).into(),
        })
    }

    fn reach(&self) -> io::Result<TcpStream> {
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for address in self.url.authority().to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, self.connect_timeout) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(self.silence_max))?;
                    stream.set_write_timeout(Some(self.connect_timeout))?;
                    stream.set_nodelay(true)?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}
