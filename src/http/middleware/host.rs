//! The host that a request names, and the hosts that a server responds to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::extract::Request;
use axum::http::Version;
use axum::http::header::HOST;

use crate::http::error::{Failure, Result};

/// The length limit of DNS names, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// The host that a request names, with the port if it names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) struct Host {
    name: HostName,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostName {
    Ip(IpAddr),
    /// A DNS name, in lower case.
    Dns(String),
}

impl Host {
    /// Returns the host of a request, from its `Host` header or its URI (`:authority` in HTTP/2). `None` is possible only for
    /// HTTP/1.0.
    ///
    /// # Errors
    /// 400 if the host is missing or malformed, or if the request names two.
    pub fn of(request: &Request) -> Result<Option<Self>> {
        let malformed = || Failure::malformed("the Host header is malformed");
        let parse = |text| Self::parse(text).ok_or_else(malformed);
        let mut hosts = Vec::new();
        for value in request.headers().get_all(HOST) {
            hosts.push(parse(value.to_str().map_err(|_| malformed())?)?);
        }
        if hosts.len() > 1 {
            return Err(Failure::malformed("there is more than one Host header"));
        }
        if let Some(authority) = request.uri().authority() {
            hosts.push(parse(authority.as_str())?);
        }
        hosts.dedup();
        match hosts.len() {
            0 if request.version() > Version::HTTP_10 => {
                Err(Failure::malformed("the Host header is missing"))
            }
            0 | 1 => Ok(hosts.pop()),
            _ => Err(Failure::malformed(
                "the Host header and the URL name different hosts",
            )),
        }
    }

    /// Parses `NAME` or `NAME:PORT`, where the name may be an IP address.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, port_suffix) = match text.strip_prefix('[') {
            Some(rest) => {
                let (ip, port) = rest.split_once(']')?;
                (HostName::Ip(ip.parse::<Ipv6Addr>().ok()?.into()), port)
            }
            None => {
                let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
                (HostName::parse(name)?, port)
            }
        };
        let digits = match port_suffix.strip_prefix(':') {
            Some(digits) => digits,
            None if port_suffix.is_empty() => "",
            None => return None,
        };
        let port = match digits {
            "" => None,
            _ if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse().ok()?),
            _ => return None,
        };
        Some(Self { name, port })
    }

    /// Returns whether the hosts are equal. A missing port is `default_port`.
    pub fn is_same(&self, other: &Self, default_port: u16) -> bool {
        let port = |host: &Self| host.port.unwrap_or(default_port);
        self.name == other.name && port(self) == port(other)
    }
}

impl HostName {
    fn parse(text: &str) -> Option<Self> {
        if let Ok(ip) = text.parse::<Ipv4Addr>() {
            return Some(Self::Ip(ip.into()));
        }
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let fits = (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(legal);
        fits.then(|| Self::Dns(text.to_ascii_lowercase()))
    }
}

/// The hosts that a server responds to.
///
/// A web site can make its own name resolve to 127.0.0.1 (DNS rebinding). Its requests are then same-origin, and only the name in
/// `Host` distinguishes them. So a server without keys that is reachable only locally checks that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) struct AllowedHosts {
    is_any: bool,
    /// The name given by `--host`.
    name: Option<HostName>,
}

impl AllowedHosts {
    /// Creates the check for a server that listens on `bound` and was started with `--host HOST`.
    pub fn new(bound: SocketAddr, host: &str, has_keys: bool) -> Self {
        Self {
            is_any: has_keys || !bound.ip().to_canonical().is_loopback(),
            name: HostName::parse(host.strip_suffix('.').unwrap_or(host)),
        }
    }

    /// Returns whether the server responds to requests with this host. Requests without a host do not come from browsers.
    pub fn allow(&self, host: Option<&Host>) -> bool {
        match host.map(|host| &host.name) {
            None | Some(HostName::Ip(_)) => true,
            Some(HostName::Dns(name)) => {
                let requested = name.strip_suffix('.').unwrap_or(name);
                let is_own = matches!(&self.name, Some(HostName::Dns(own)) if own == requested);
                self.is_any || is_own || requested == "localhost"
            }
        }
    }
}

#[cfg(test)]
mod tests;
