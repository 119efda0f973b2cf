//! Detects that a server's URL has the wrong scheme: http for a port that speaks TLS, or https for a port that does not.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::request::Client;
use crate::names::ServerUrl;
use crate::remote::error::Error;

/// How long each step of the check (connecting, writing, reading) may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The bytes that the check sends: an HTTP request without TLS. A server without TLS answers it with an HTTP response, a server with TLS
/// answers with a TLS alert.
const REQUEST: &[u8] = b"HEAD / HTTP/1.0\r\n\r\n";

impl Client {
    /// After a failed request, returns an error if the reason is a wrong scheme in the server's URL. Connects to the server once more,
    /// without sending the API key.
    pub(super) fn wrong_scheme(&self) -> Option<Error> {
        // If there is a proxy, this machine may be unable to connect to the server directly, so the check is not made.
        let is_known = self.has_responded.load(Ordering::Relaxed) || self.proxy.is_some();
        if is_known || speaks_tls(&self.url).ok()?? == self.url.is_tls() {
            return None;
        }
        let url = self.url.clone();
        Some(Error::WrongScheme(url))
    }
}

/// Returns whether the port of a server speaks TLS; `None` if it speaks neither TLS nor HTTP.
fn speaks_tls(url: &ServerUrl) -> io::Result<Option<bool>> {
    let mut addresses = url.authority().to_socket_addrs()?;
    let address = addresses.next().ok_or(io::ErrorKind::NotFound)?;
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(REQUEST)?;
    let mut start = [0; 5];
    stream.read_exact(&mut start)?;
    Ok(match &start {
        b"HTTP/" => Some(false),
        // A TLS record with an alert or a handshake message, of any version of TLS (RFC 8446, section 5.1).
        [0x15 | 0x16, 3, ..] => Some(true),
        _ => None,
    })
}
