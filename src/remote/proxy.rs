//! The HTTP proxies that environment variables of the user configure.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, TcpStream};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ipnet::IpNet;
use percent_encoding::percent_decode_str;
use ureq::{Proxy, ProxyProtocol};

use super::error::{Error, Result};
use crate::names::ServerUrl;

/// The maximum length of a proxy's response to CONNECT, in bytes.
const RESPONSE_BYTES_MAX: usize = 16 << 10;

/// The proxies that the environment configures, and the hosts to which connections are made without a proxy.
///
/// The environment variables are the same as curl's: `https_proxy` for https URLs, `http_proxy` for http URLs, `all_proxy` for both,
/// `no_proxy` for exceptions. The names may also be in upper case. Connections to the loopback address never use a proxy.
#[derive(Clone, Default)]
pub struct ProxySettings {
    https: Option<ProxyVariable>,
    http: Option<ProxyVariable>,
    all: Option<ProxyVariable>,
    exceptions: Vec<String>,
}

/// The name and the value of an environment variable with a proxy's URL. The value may contain a password.
#[derive(Clone)]
struct ProxyVariable {
    name: &'static str,
    value: String,
}

/// An HTTP proxy that connects clients to servers (CONNECT: RFC 9110, section 9.3.6).
#[derive(Clone)]
pub(super) struct HttpProxy {
    host: String,
    port: u16,
    credentials: Option<(String, String)>,
    /// The same proxy as a value of the HTTP library `ureq`.
    library: Proxy,
}

impl ProxySettings {
    /// Reads the settings. `variable` returns the value of an environment variable, or `None` if it is unset or empty.
    pub fn read(variable: impl Fn(&'static str) -> Option<String>) -> Self {
        let first = |names: [&'static str; 2]| {
            let mut found = names.into_iter().filter_map(|name| {
                let value = variable(name)?;
                Some(ProxyVariable { name, value })
            });
            found.next()
        };
        let exceptions = first(["no_proxy", "NO_PROXY"]).map(|variable| variable.value);
        let exceptions = exceptions.unwrap_or_default();
        let exceptions = exceptions.split(',').map(str::trim);
        Self {
            https: first(["https_proxy", "HTTPS_PROXY"]),
            http: first(["http_proxy", "HTTP_PROXY"]),
            all: first(["all_proxy", "ALL_PROXY"]),
            exceptions: exceptions.map(str::to_ascii_lowercase).collect(),
        }
    }

    /// Returns the proxy for connections to the server at `url`; `None` if connections are made without a proxy.
    ///
    /// # Errors
    /// The variable for this server is not the URL of an HTTP proxy.
    pub(super) fn proxy_for(&self, url: &ServerUrl) -> Result<Option<HttpProxy>> {
        let own = if url.is_tls() {
            &self.https
        } else {
            &self.http
        };
        let Some(variable) = own.as_ref().or(self.all.as_ref()) else {
            return Ok(None);
        };
        if self.is_exception(url) {
            return Ok(None);
        }
        let proxy = HttpProxy::parse(&variable.value);
        let name = variable.name;
        proxy
            .map(Some)
            .map_err(|fault| Error::Proxy { name, fault })
    }

    fn is_exception(&self, url: &ServerUrl) -> bool {
        let (host, port) = url.authority();
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        let is_local = host == "localhost" || host.ends_with(".localhost");
        if is_local || address.is_some_and(|address| address.is_loopback()) {
            return true;
        }
        let matches = |pattern: &str| match (address, pattern.parse::<IpNet>()) {
            (Some(address), Ok(network)) => network.contains(&address),
            _ => {
                let name = pattern.trim_start_matches('*').trim_start_matches('.');
                let name = name.trim_matches(['[', ']']);
                let rest = host.strip_suffix(name);
                pattern == "*"
                    || !name.is_empty()
                        && rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
        };
        self.exceptions.iter().any(|pattern| {
            let with_port = pattern.strip_suffix(&format!(":{port}"));
            matches(pattern) || with_port.is_some_and(matches)
        })
    }
}

impl HttpProxy {
    /// Parses the URL of a proxy. The scheme may be missing. The error is a text that follows the name of the variable, such as `is not the
    /// URL of a proxy`.
    fn parse(text: &str) -> Result<Self, &'static str> {
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

    fn settings(variables: &[(&'static str, &str)]) -> ProxySettings {
        ProxySettings::read(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn proxy(settings: &ProxySettings, url: &str) -> Option<String> {
        let proxy = settings.proxy_for(&url.parse().unwrap()).unwrap();
        proxy.map(|proxy| proxy.to_string())
    }

    #[test]
    fn the_variable_for_the_scheme_comes_first() {
        let all = settings(&[
            ("HTTPS_PROXY", "http://s.example:1"),
            ("http_proxy", "h.example:2"),
            ("HTTP_PROXY", "other.example"),
            ("ALL_PROXY", "http://a.example:3/"),
        ]);
        assert_eq!(proxy(&all, "https://x.example").unwrap(), "s.example:1");
        assert_eq!(proxy(&all, "http://x.example").unwrap(), "h.example:2");
        let one = settings(&[("ALL_PROXY", "HTTP://[::1]:3")]);
        assert_eq!(proxy(&one, "https://x.example").unwrap(), "[::1]:3");
        assert_eq!(proxy(&settings(&[]), "https://x.example"), None);
    }

    #[test]
    fn loopback_and_exceptions_need_no_proxy() {
        let with =
            |exceptions: &str| settings(&[("all_proxy", "p.example"), ("NO_PROXY", exceptions)]);
        for url in [
            "http://localhost:6384",
            "http://a.localhost",
            "https://127.1.2.3",
            "http://[::1]:80",
        ] {
            assert_eq!(proxy(&with(""), url), None, "{url}");
        }
        for (exceptions, url, needs_proxy) in [
            ("a.example, b.example", "https://b.example", false),
            ("b.example", "https://x.B.example.", false),
            (".b.example", "https://x.b.example", false),
            ("*.b.example", "https://x.b.example", false),
            ("b.example", "https://xb.example", true),
            ("*", "https://b.example", false),
            ("", "https://b.example", true),
            ("b.example:443", "https://b.example", false),
            ("b.example:80", "https://b.example", true),
            ("10.0.0.0/8", "http://10.1.2.3", false),
            ("10.0.0.1", "http://10.0.0.1:8000", false),
            ("10.0.0.1", "http://10.0.0.11", true),
            ("fd00::/8", "http://[fd00::1]", false),
        ] {
            let found = proxy(&with(exceptions), url);
            assert_eq!(found.is_some(), needs_proxy, "{exceptions:?} {url}");
        }
    }

    #[test]
    fn a_malformed_proxy_is_an_error_without_its_password() {
        for value in [
            "socks5://u:geheim@p",
            "http://u:geheim@",
            "u:geheim@a b",
            "http://u:%ff@p",
        ] {
            let settings = settings(&[("HTTPS_PROXY", value)]);
            let error = settings.proxy_for(&"https://x.example".parse().unwrap());
            let error = error.err().unwrap().to_string();
            assert!(
                error.starts_with("HTTPS_PROXY ") && !error.contains("geheim"),
                "{error}"
            );
            // A malformed proxy is no error for a server to which connections are made without a proxy.
            assert_eq!(proxy(&settings, "https://localhost"), None);
        }
        let parsed = HttpProxy::parse("http://a%40b:c:%3A@p.example:3128").unwrap();
        assert_eq!(
            parsed.credentials,
            Some(("a@b".to_owned(), "c::".to_owned()))
        );
        let library = parsed.as_ureq();
        assert_eq!((library.host(), library.port()), ("p.example", 3128));
    }
}
