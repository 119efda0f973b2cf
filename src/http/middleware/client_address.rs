//! The address of the client that makes a request, even if the request was forwarded by proxies.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use crate::http::listener::Peer;

/// The request header to which each proxy appends the address of its client.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// How many entries of `X-Forwarded-For` are read.
const HOPS_MAX: usize = 16;

/// A proxy whose `X-Forwarded-For` the server trusts: an address, a network, or all clients of the server's Unix sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustedProxy {
    /// The addresses of a network. A single address is a network with one address.
    Network(IpNet),
    /// The clients of Unix sockets.
    Unix,
}

/// The error for a text that is neither an IP address, nor a network such as `10.0.0.0/8`, nor `unix`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an IP address, a network like 10.0.0.0/8, or `unix`")]
pub struct TrustedProxyError;

impl FromStr for TrustedProxy {
    type Err = TrustedProxyError;

    fn from_str(text: &str) -> Result<Self, TrustedProxyError> {
        if text == "unix" {
            return Ok(Self::Unix);
        }
        let network = match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address),
            Err(_) => text.parse().map_err(|_| TrustedProxyError)?,
        };
        Ok(Self::Network(network))
    }
}

impl fmt::Display for TrustedProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) if network.prefix_len() == network.max_prefix_len() => {
                network.addr().fmt(f)
            }
            Self::Network(network) => network.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

/// The client that makes a request. It is an extension of every request that was received on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum ClientAddress {
    /// The IP address of the client. If a proxy that is not trusted has forwarded the request, it is the address of that proxy.
    Ip(IpAddr),
    /// The client of a Unix socket of the server.
    Unix,
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

impl ClientAddress {
    /// Returns the client that has sent a request. `peer` is the other end of the connection, which is the client or the last proxy.
    /// `trusted` are the proxies whose `X-Forwarded-For` the server trusts.
    ///
    /// Each proxy appends the address of its client, so the list of addresses in the header is read from its end. An address is used only
    /// if the proxy that has appended it is trusted, because any client can send a header with invented addresses.
    pub fn new(peer: &Peer, headers: &HeaderMap, trusted: &[TrustedProxy]) -> Self {
        let mut client = match peer.address {
            Some(address) => Self::Ip(address.ip()),
            None => Self::Unix,
        };
        if trusted.is_empty() {
            return client;
        }
        let values = headers.get_all(X_FORWARDED_FOR).iter().rev();
        let entries = values.flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
        for entry in entries.take(HOPS_MAX) {
            let is_trusted = trusted.iter().any(|proxy| client.is(proxy));
            let Some(address) = parse_entry(entry.trim()).filter(|_| is_trusted) else {
                break;
            };
            client = Self::Ip(address);
        }
        client
    }

    /// Returns the IP address of the client. For all clients of Unix sockets, it is 0.0.0.0.
    pub fn ip(self) -> IpAddr {
        match self {
            Self::Ip(address) => address,
            Self::Unix => IpAddr::from([0; 4]),
        }
    }

    fn is(self, proxy: &TrustedProxy) -> bool {
        match (self, proxy) {
            (Self::Ip(address), TrustedProxy::Network(network)) => network.contains(&address),
            (Self::Unix, TrustedProxy::Unix) => true,
            _ => false,
        }
    }
}

/// Parses an IP address that may be followed by a port.
fn parse_entry(entry: &str) -> Option<IpAddr> {
    let with_port = |entry: &str| entry.parse::<SocketAddr>().map(|address| address.ip());
    let bare = entry
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = bare.unwrap_or(entry).parse().or_else(|_| with_port(entry));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: Option<&str>, forwarded: &[&str], trusted: &[&str]) -> String {
        let peer = Peer {
            address: peer.map(|ip| SocketAddr::new(ip.parse().unwrap(), 1)),
            is_tls: false,
        };
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(X_FORWARDED_FOR, value.parse().unwrap());
        }
        let trusted: Vec<_> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        ClientAddress::new(&peer, &headers, &trusted).to_string()
    }

    #[test]
    fn only_entries_of_trusted_proxies_count() {
        let local = Some("127.0.0.1");
        for (peer, forwarded, trusted, expected) in [
            (local, &["1.2.3.4"][..], &[][..], "127.0.0.1"),
            (local, &["1.2.3.4"], &["10.0.0.0/8"], "127.0.0.1"),
            (local, &["1.2.3.4"], &["127.0.0.1"], "1.2.3.4"),
            (local, &[], &["127.0.0.1"], "127.0.0.1"),
            (local, &["6.6.6.6, 1.2.3.4"], &["127.0.0.0/8"], "1.2.3.4"),
            (
                local,
                &["6.6.6.6", "1.2.3.4,10.1.1.1"],
                &["10.0.0.0/8", "127.0.0.1"],
                "1.2.3.4",
            ),
            (local, &["1.2.3.4, nonsense"], &["127.0.0.1"], "127.0.0.1"),
            (local, &["[2001:db8::1]:443"], &["127.0.0.1"], "2001:db8::1"),
            (local, &["1.2.3.4:5678"], &["127.0.0.1"], "1.2.3.4"),
            (local, &["::ffff:1.2.3.4"], &["127.0.0.1"], "1.2.3.4"),
            (Some("::1"), &["1.2.3.4"], &["::1"], "1.2.3.4"),
            (None, &["1.2.3.4"], &["0.0.0.0/0"], "unix"),
            (None, &["1.2.3.4"], &["unix"], "1.2.3.4"),
        ] {
            let actual = client(peer, forwarded, trusted);
            assert_eq!(actual, expected, "{forwarded:?} {trusted:?}");
        }
    }

    #[test]
    fn a_long_list_ends_after_some_hops() {
        let list = vec!["127.0.0.1"; HOPS_MAX + 1].join(",");
        let list = format!("1.2.3.4,{list}");
        assert_eq!(
            client(Some("127.0.0.1"), &[&list], &["127.0.0.1"]),
            "127.0.0.1"
        );
    }

    #[test]
    fn the_displayed_form_parses_to_the_same_proxy() {
        for text in ["127.0.0.1", "::1", "10.0.0.0/8", "unix"] {
            let proxy: TrustedProxy = text.parse().unwrap();
            assert_eq!(proxy.to_string(), text);
        }
        for text in ["", "localhost", "10.0.0.0/33", "10.0.0.1:80", "Unix"] {
            assert_eq!(
                text.parse::<TrustedProxy>(),
                Err(TrustedProxyError),
                "{text}"
            );
        }
    }
}
