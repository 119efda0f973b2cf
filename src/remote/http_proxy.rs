//! An HTTP proxy, and the connections through it.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use ureq::{Proxy, ProxyProtocol};

use crate::names::ServerUrl;

/// The maximum length of a proxy's response to CONNECT, in bytes.
const RESPONSE_BYTES_MAX: usize = 16 << 10;

/// An HTTP proxy that connects clients to servers (CONNECT: RFC 9110, section 9.3.6).
#[derive(Clone)]
pub(super) struct HttpProxy {
    host: String,
    port: u16,
    credentials: Option<(String, String)>,
    /// The same proxy as a value of the HTTP library `ureq`.
    library: Proxy,
}

impl HttpProxy {
    /// Parses the URL of a proxy. The scheme may be missing. The error is a text that follows the name of the variable, such as `is not the
    /// URL of a proxy`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        if !scheme.eq_ignore_ascii_case("http") {
            return Err("does not begin with http://, the only supported scheme");
        }
        let rest = rest.split('/').next().unwrap_or_default();
        let (userinfo, address) = match rest.rsplit_once('@') {
            Some((userinfo, address)) => (Some(userinfo), address),
            None => (None, rest),
        };
        let malformed = "is not the URL of a proxy, such as http://proxy.example.org:3128";
        let url = ServerUrl::parse(&format!("http://{address}")).map_err(|_| malformed)?;
        let decode = |text: &str| {
            let decoded = percent_decode_str(text).decode_utf8();
            decoded.map(String::from).map_err(|_| malformed)
        };
        let credentials = userinfo.map(|userinfo| {
            let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
            Ok::<_, &'static str>((decode(user)?, decode(password)?))
        });
        let (host, port) = url.authority();
        let credentials = credentials.transpose()?;
        let library = Proxy::builder(ProxyProtocol::Http)
            .host(&in_url(host))
            .port(port);
        let library = match &credentials {
            Some((user, password)) => library.username(user).password(password),
            None => library,
        };
        Ok(Self {
            host: host.to_owned(),
            port,
            library: library.build().map_err(|_| malformed)?,
            credentials,
        })
    }

    /// Returns the host name or address of the proxy, without the brackets of an IPv6 address, and the port.
    pub fn authority(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// Returns the proxy as a value of the HTTP library `ureq`.
    pub fn as_ureq(&self) -> &Proxy {
        &self.library
    }

    /// Sends CONNECT to the proxy at the other end of `stream`, so that the proxy connects to a server. After success, `stream` is a
    /// connection to the server.
    pub fn connect(&self, stream: &mut TcpStream, (host, port): (&str, u16)) -> io::Result<()> {
        let target = format!("{}:{port}", in_url(host));
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        if let Some((user, password)) = &self.credentials {
            let credentials = BASE64_STANDARD.encode(format!("{user}:{password}"));
            request.push_str(&format!("Proxy-Authorization: Basic {credentials}\r\n"));
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes())?;
        let head = read_head(stream)?;
        let mut words = head.split_whitespace();
        let is_http = words.next().is_some_and(|word| word.starts_with("HTTP/1."));
        let status = words.next().unwrap_or_default();
        if is_http && status.len() == 3 && status.starts_with('2') {
            return Ok(());
        }
        let line = head.lines().next().unwrap_or_default();
        Err(io::Error::other(format!("it refuses CONNECT: {line}")))
    }
}

/// Displays the host and the port, without the credentials.
impl std::fmt::Display for HttpProxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", in_url(&self.host), self.port)
    }
}

/// Returns a host in the form that it has in a URL: an IPv6 address is in brackets.
fn in_url(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

/// Reads the status line and the headers of the proxy's response, byte by byte: the bytes after them are from the server and must stay in
/// the stream.
fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while head.len() < RESPONSE_BYTES_MAX {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
        if head.ends_with(b"\r\n\r\n") {
            return Ok(String::from_utf8_lossy(&head).into_owned());
        }
    }
    Err(io::Error::other("it sent no complete response to CONNECT"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_credentials_of_a_proxy_are_decoded() {
        let parsed = HttpProxy::parse("http://a%40b:c:%3A@p.example:3128").unwrap();
        assert_eq!(
            parsed.credentials,
            Some(("a@b".to_owned(), "c::".to_owned()))
        );
        let library = parsed.as_ureq();
        assert_eq!((library.host(), library.port()), ("p.example", 3128));
    }
}
