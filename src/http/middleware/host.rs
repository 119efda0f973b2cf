//! The host name in a request, and the host names to which a server responds.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::{HeaderMap, Uri, Version};

use crate::http::error::{Failure, Result};
use crate::http::listener::BoundAddress;

/// The length limit of DNS names, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// The host in the `Host` header or URL of a request, with the port if there is one.
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
    /// Returns the host of a request, from its `Host` header or, over HTTP/2, from its URI (`:authority`). Returns `None` if an HTTP/1.0
    /// request has no host.
    ///
    /// # Errors
    /// 400 if the host is missing or malformed, or if the request has two `Host` headers or two different hosts.
    pub fn of(request: &Request) -> Result<Option<Self>> {
        Self::of_parts(request.version(), request.headers(), request.uri())
    }

    /// Returns the host of a request with these parts, like [`of`](Self::of).
    ///
    /// # Errors
    /// As for [`of`](Self::of).
    pub fn of_parts(version: Version, headers: &HeaderMap, uri: &Uri) -> Result<Option<Self>> {
        let malformed = || Failure::malformed("the Host header is malformed");
        let parse = |text| Self::parse(text).ok_or_else(malformed);
        let mut hosts = Vec::new();
        for value in headers.get_all(HOST) {
            hosts.push(parse(value.to_str().map_err(|_| malformed())?)?);
        }
        if hosts.len() > 1 {
            return Err(Failure::malformed("there is more than one Host header"));
        }
        if let Some(authority) = uri.authority() {
            hosts.push(parse(authority.as_str())?);
        }
        hosts.dedup();
        match hosts.len() {
            0 if version > Version::HTTP_10 => {
                Err(Failure::malformed("the Host header is missing"))
            }
            0 | 1 => Ok(hosts.pop()),
            _ => Err(Failure::malformed(
                "the Host header and the URL name different hosts",
            )),
        }
    }

    /// Parses `NAME` or `NAME:PORT`. The name may be an IP address.
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

    /// Returns the port; `None` if the host was sent without a port.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Returns whether two hosts are equal. For a host without a port, `default_port` is compared.
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

/// A host name that the `Host` header of requests may have, or `*` for every name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHost(Option<HostName>);

/// The error for a text that is not an [`AllowedHost`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a host name without a port, or `*`")]
pub struct AllowedHostError;

impl FromStr for AllowedHost {
    type Err = AllowedHostError;

    fn from_str(text: &str) -> Result<Self, AllowedHostError> {
        if text == "*" {
            return Ok(Self(None));
        }
        let name = HostName::parse(text.strip_suffix('.').unwrap_or(text));
        Ok(Self(Some(name.ok_or(AllowedHostError)?)))
    }
}

impl fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("*"),
            Some(HostName::Ip(address)) => address.fmt(f),
            Some(HostName::Dns(name)) => f.write_str(name),
        }
    }
}

/// The hosts to which a server responds.
///
/// A web site can make its own name resolve to the address of a server that only the visitors of the site can reach (DNS rebinding). For
/// the browser, the requests of the site to this server are then same-origin, and only the name in `Host` distinguishes them from others.
/// So a server checks the name in `Host` if it has no keys and can be reached only locally, and also if its operator lists the allowed
/// names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) struct AllowedHosts {
    is_any: bool,
    /// The host names in the options `--host`, `--listen` and `--allowed-host`.
    names: Vec<HostName>,
}

impl AllowedHosts {
    /// Creates the check for a server that listens on `bound`. `allowed` are the names that the operator lists.
    pub fn new(bound: &[BoundAddress], allowed: &[AllowedHost], has_keys: bool) -> Self {
        let is_loopback = |bound: &BoundAddress| {
            let address = bound.tcp();
            address.is_some_and(|address| address.ip().to_canonical().is_loopback())
        };
        let is_local = bound.iter().any(is_loopback)
            && bound
                .iter()
                .all(|bound| bound.tcp().is_none() || is_loopback(bound));
        let is_any = match allowed {
            [] => has_keys || !is_local,
            allowed => allowed.iter().any(|host| host.0.is_none()),
        };
        let own = bound.iter().filter_map(|bound| match bound {
            BoundAddress::Tcp { host, .. } => {
                HostName::parse(host.strip_suffix('.').unwrap_or(host))
            }
            BoundAddress::Unix(_) => None,
        });
        let listed = allowed.iter().filter_map(|host| host.0.clone());
        let names = own.chain(listed).collect();
        Self { is_any, names }
    }

    /// Creates a check that allows every host.
    pub fn any() -> Self {
        Self {
            is_any: true,
            names: Vec::new(),
        }
    }

    /// Returns whether the server responds to requests with this host. A request without a host is allowed, because it was not sent by a
    /// browser.
    pub fn allow(&self, host: Option<&Host>) -> bool {
        match host.map(|host| &host.name) {
            None | Some(HostName::Ip(_)) => true,
            Some(HostName::Dns(name)) => {
                let requested = name.strip_suffix('.').unwrap_or(name);
                let is_requested =
                    |own: &HostName| matches!(own, HostName::Dns(own) if own == requested);
                self.is_any || requested == "localhost" || self.names.iter().any(is_requested)
            }
        }
    }
}

#[cfg(test)]
mod tests;
