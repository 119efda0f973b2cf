//! Finds out that a URL has the wrong scheme: http for a port that speaks TLS, or https for one that does not.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::request::Client;
use crate::names::ServerUrl;
use crate::remote::error::Error;

/// How long each step of the check may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// What a client sends that does not know TLS. Both kinds of servers answer: one with a response, the other with an alert.
const REQUEST: &[u8] = b"HEAD / HTTP/1.0\r\n\r\n";

impl Client {
    /// Returns the error for a failed exchange if the URL's scheme is its reason. Connects to the server once more, without the key.
    pub(super) fn wrong_scheme(&self) -> Option<Error> {
        // The proxy connects to servers, this machine may be unable to.
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
        // An alert or a handshake message, of any version (RFC 8446, section 5.1).
        [0x15 | 0x16, 3, ..] => Some(true),
        _ => None,
    })
}
