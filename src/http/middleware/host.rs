//! Which host a request was sent to, in the client's words.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::extract::Request;
use axum::http::Version;
use axum::http::header::HOST;

use crate::http::error::{Failure, Result};

/// The longest host name, in bytes, as DNS has it.
const NAME_BYTES_MAX: usize = 255;

/// The host that a request names, and the port if it names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) struct Host {
    name: Name,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    Ip(IpAddr),
    /// In lower case.
    Dns(String),
}

impl Host {
    /// The host of a request, from its `Host` header or its address (`:authority` in HTTP/2). Only HTTP/1.0 may name none.
    ///
    /// # Errors
    /// 400 when it is missing or malformed, or when there are two.
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
            _ => Err(Failure::malformed("the Host header names another host")),
        }
    }

    /// Reads `name`, `name:port`, and the same with an address for the name.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (ip, port) = rest.split_once(']')?;
                (Name::Ip(ip.parse::<Ipv6Addr>().ok()?.into()), port)
            }
            None => {
                let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
                (Name::parse(name)?, port)
            }
        };
        let digits = match port.strip_prefix(':') {
            Some(digits) => digits,
            None if port.is_empty() => "",
            None => return None,
        };
        let port = match digits {
            "" => None,
            _ if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse().ok()?),
            _ => return None,
        };
        Some(Self { name, port })
    }

    /// Whether the two are the same, where no port stands for this one.
    pub fn is(&self, other: &Self, default_port: u16) -> bool {
        let port = |host: &Self| host.port.unwrap_or(default_port);
        self.name == other.name && port(self) == port(other)
    }
}

impl Name {
    fn parse(text: &str) -> Option<Self> {
        if let Ok(ip) = text.parse::<Ipv4Addr>() {
            return Some(Self::Ip(ip.into()));
        }
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let fits = (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(legal);
        fits.then(|| Self::Dns(text.to_ascii_lowercase()))
    }
}

/// The hosts under which a server answers.
///
/// A page of another site can have its own name lead to 127.0.0.1 (DNS rebinding): its requests are then same-origin, and only
/// the name in `Host` tells. A store that is guarded by nothing but being local looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) struct Hosts {
    any: bool,
    /// The name that the server was told to listen on.
    name: Option<Name>,
}

impl Hosts {
    /// The hosts of a server that listens on `bound`, having been told to listen on `host`.
    pub fn new(bound: SocketAddr, host: &str, has_keys: bool) -> Self {
        Self {
            any: has_keys || !bound.ip().to_canonical().is_loopback(),
            name: Name::parse(host.strip_suffix('.').unwrap_or(host)),
        }
    }

    /// Whether a request to this host is meant for this server. One without a host comes from no browser.
    pub fn allow(&self, host: Option<&Host>) -> bool {
        match host.map(|host| &host.name) {
            None | Some(Name::Ip(_)) => true,
            Some(Name::Dns(name)) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                let told = matches!(&self.name, Some(Name::Dns(told)) if told == name);
                self.any || told || name == "localhost"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::HeaderValue;

    use super::*;

    const LOOPBACK: &str = "127.0.0.1:6384";

    fn allows(hosts: &Hosts, host: &str) -> bool {
        hosts.allow(Some(&Host::parse(host).unwrap()))
    }

    fn hosts(bound: &str, host: &str, has_keys: bool) -> Hosts {
        Hosts::new(bound.parse().unwrap(), host, has_keys)
    }

    #[test]
    fn hosts_are_names_or_addresses_with_or_without_a_port() {
        for (text, name, port) in [
            ("localhost", "localhost", None),
            ("LocalHost:6384", "localhost", Some(6384)),
            ("a_b-c.example.", "a_b-c.example.", None),
            ("store:", "store", None),
            ("store:0", "store", Some(0)),
            ("store:65535", "store", Some(65535)),
            ("127.1", "127.1", None),
        ] {
            let name = Name::Dns(name.to_owned());
            assert_eq!(Host::parse(text), Some(Host { name, port }), "{text:?}");
        }
        for (text, ip, port) in [
            ("127.0.0.1", "127.0.0.1", None),
            ("127.0.0.1:80", "127.0.0.1", Some(80)),
            ("[::1]", "::1", None),
            ("[0:0::1]:6384", "::1", Some(6384)),
            ("[::ffff:127.0.0.1]:1", "::ffff:127.0.0.1", Some(1)),
        ] {
            let name = Name::Ip(ip.parse().unwrap());
            assert_eq!(Host::parse(text), Some(Host { name, port }), "{text:?}");
        }
    }

    #[test]
    fn all_else_is_no_host() {
        let long = "a".repeat(256);
        for text in [
            "",
            ":80",
            " ",
            "a b",
            "a,b",
            "a/b",
            "a?b",
            "a#b",
            "user@a",
            "u:p@a",
            "a:b",
            "a:+1",
            "a:-1",
            "a:65536",
            "a:1:2",
            "::1",
            "[::1",
            "::1]",
            "[::1]a",
            "[::1]80",
            "[]",
            "[127.0.0.1]",
            "[a]",
            "[fe80::1%25eth0]",
            "[fe80::1%eth0]",
            "ä",
            "a%20b",
            "a\0",
            "a\n",
            "http://a",
            &long,
        ] {
            assert_eq!(Host::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_host_is_named_once_by_header_or_address() {
        let own = Host::parse("a:1");
        let other = "the Host header names another host";
        for (uri, headers, expected) in [
            ("/", &["a:1"][..], Ok(own.clone())),
            ("/", &["A:1"], Ok(own.clone())),
            ("http://a:1/", &[], Ok(own.clone())),
            ("http://a:1/", &["a:1"], Ok(own)),
            ("http://a:1/", &["b:1"], Err(other)),
            ("http://evil/", &["127.0.0.1"], Err(other)),
            ("/", &[], Err("the Host header is missing")),
            ("/", &["a", "a"], Err("there is more than one Host header")),
            ("/", &["a", "b"], Err("there is more than one Host header")),
            ("/", &[""], Err("the Host header is malformed")),
            ("/", &["u@a"], Err("the Host header is malformed")),
            ("http://u@a/", &[], Err("the Host header is malformed")),
        ] {
            let mut request = Request::get(uri);
            for header in headers {
                request = request.header("Host", *header);
            }
            let found = Host::of(&request.body(Body::empty()).unwrap());
            let expected = expected.map_err(Failure::malformed);
            assert_eq!(found, expected, "{uri} {headers:?}");
        }
        let binary = HeaderValue::from_bytes(b"a\xff").unwrap();
        let request = Request::get("/").header("Host", binary);
        let failure = Host::of(&request.body(Body::empty()).unwrap()).unwrap_err();
        assert_eq!(failure, Failure::malformed("the Host header is malformed"));
    }

    #[test]
    fn only_http_1_0_may_name_no_host() {
        for (version, named) in [
            (Version::HTTP_10, true),
            (Version::HTTP_11, false),
            (Version::HTTP_2, false),
        ] {
            let request = Request::get("/").version(version);
            let host = Host::of(&request.body(Body::empty()).unwrap());
            assert_eq!(host.is_ok(), named, "{version:?}");
        }
    }

    #[test]
    fn a_local_store_without_keys_answers_under_its_own_names() {
        for bound in [
            LOOPBACK,
            "127.9.9.9:1",
            "[::1]:6384",
            "[::ffff:127.0.0.1]:1",
        ] {
            let hosts = hosts(bound, "Dev.Box.", false);
            for own in [
                "localhost",
                "LOCALHOST:6384",
                "localhost.",
                "dev.box:6384",
                "dev.box.",
                "127.0.0.1",
                "127.0.0.1:9",
                "10.1.2.3",
                "[::1]:6384",
            ] {
                assert!(allows(&hosts, own), "{bound} {own}");
            }
            for foreign in [
                "evil.example",
                "evil.example:6384",
                "a.localhost",
                "localhost.evil",
                "localhost..",
                "127.0.0.1.nip.io",
                "dev.box.evil",
                "box",
                "127.1",
                "2130706433",
                "0x7f.1",
            ] {
                assert!(!allows(&hosts, foreign), "{bound} {foreign}");
            }
            assert!(hosts.allow(None));
        }
        assert!(!allows(&hosts(LOOPBACK, "127.0.0.1", false), "dev.box"));
        assert!(!allows(&hosts(LOOPBACK, "", false), "dev.box"));
    }

    #[test]
    fn with_keys_or_on_a_network_any_name_will_do() {
        assert!(allows(&hosts(LOOPBACK, "localhost", true), "store.example"));
        for bound in ["0.0.0.0:6384", "192.168.0.2:6384", "[::]:6384"] {
            assert!(allows(&hosts(bound, "", false), "store.example"), "{bound}");
        }
    }
}
