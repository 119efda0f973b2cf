//! The addresses that a server listens on.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// The prefix of an address that is the path of a Unix socket.
const UNIX: &str = "unix:";

/// An address on which a server listens: `HOST:PORT` or `unix:PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// A TCP port on an IP address, or on the address of a host name.
    Tcp {
        /// The IP address or host name. An IPv6 address may be in brackets, as it is in the text form `HOST:PORT`.
        host: String,
        /// The port; 0 selects a free one.
        port: u16,
    },
    /// A Unix socket at this path.
    Unix(PathBuf),
}

/// The error for a text that is not an address in one of the forms of [`ListenAddress`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be HOST:PORT or unix:PATH")]
pub struct ListenAddressError;

impl FromStr for ListenAddress {
    type Err = ListenAddressError;

    fn from_str(text: &str) -> Result<Self, ListenAddressError> {
        if let Some(path) = text.strip_prefix(UNIX) {
            return match path {
                "" => Err(ListenAddressError),
                path => Ok(Self::Unix(path.into())),
            };
        }
        let (host, port) = text.rsplit_once(':').ok_or(ListenAddressError)?;
        let is_bare_ipv6 = host.contains(':') && !(host.starts_with('[') && host.ends_with(']'));
        if host.is_empty() || is_bare_ipv6 {
            return Err(ListenAddressError);
        }
        Ok(Self::Tcp {
            host: host.to_owned(),
            port: port.parse().map_err(|_| ListenAddressError)?,
        })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

/// The address of a bound socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BoundAddress {
    /// A TCP socket.
    Tcp {
        /// The IP address and port to which the socket is bound.
        address: SocketAddr,
        /// The host name or IP address that the operator specified. An IPv6 address may be in brackets.
        host: String,
    },
    /// A Unix socket with the path of its file; `None` if the path is unknown.
    Unix(Option<PathBuf>),
}

impl BoundAddress {
    /// Returns the address of a TCP socket; `None` for a Unix socket.
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp { address, .. } => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// Returns the address of a TCP socket as a URL with this scheme, or the address of a Unix socket in the form `unix:PATH`.
    pub fn url(&self, scheme: &str) -> String {
        match self {
            Self::Tcp { address, .. } => format!("{scheme}://{address}"),
            Self::Unix(Some(path)) => format!("{UNIX}{}", path.display()),
            Self::Unix(None) => "a Unix socket".to_owned(),
        }
    }
}

impl From<SocketAddr> for BoundAddress {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp {
            address,
            host: address.ip().to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_displayed_form_parses_to_the_same_address() {
        for text in ["127.0.0.1:80", "[::1]:0", "localhost:6384", "unix:/run/a b"] {
            let address: ListenAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        for text in [
            "",
            "80",
            "localhost",
            ":80",
            "::1:80",
            "a:65536",
            "a:x",
            "unix:",
        ] {
            assert_eq!(
                text.parse::<ListenAddress>(),
                Err(ListenAddressError),
                "{text}"
            );
        }
    }
}
