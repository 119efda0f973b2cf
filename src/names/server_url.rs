//! URLs of wasmstore servers.

mod base;
mod guess;

use std::fmt;
use std::str::FromStr;

use super::error::{Error, quoted};
use super::remote_url::{RemoteUrl, redact};

/// The maximum length of the URL of a server, in bytes.
const BYTES_MAX: usize = 2048;

/// The path of the git repository below a server's URL.
const GIT: &str = "/wasmstore.git";

/// The URL of a server, such as `https://modules.example.org`. The scheme is `http` or `https`. The path is empty, or the prefix
/// under which a proxy serves the API. The URL contains no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl {
    /// The URL without trailing slashes.
    text: String,
    is_tls: bool,
    host: String,
    port: u16,
}

impl ServerUrl {
    /// Parses a URL. See [`parse_base`](Self::parse_base) for one that a user types.
    ///
    /// # Errors
    /// [`Error::ServerUrl`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        split(text).map_err(|fault| invalid(text, fault))
    }

    /// Returns the same URL with the other scheme: `https` instead of `http`, or the reverse.
    pub fn with_other_scheme(&self) -> String {
        match self.text.split_once("://") {
            Some(("https", rest)) => format!("http://{rest}"),
            Some((_, rest)) => format!("https://{rest}"),
            None => self.text.clone(),
        }
    }

    /// Returns whether both URLs name the same server: scheme, host, port and path are equal. Host names are case-insensitive.
    pub fn is_same_server(&self, other: &Self) -> bool {
        self.is_tls == other.is_tls
            && self.host.eq_ignore_ascii_case(&other.host)
            && self.port == other.port
            && self.path() == other.path()
    }

    /// Returns the path: empty, or with a slash at its beginning and none at its end.
    fn path(&self) -> &str {
        let (_, rest) = self.text.split_once("://").unwrap_or_default();
        rest.find('/').map_or("", |start| &rest[start..])
    }

    /// Returns the URL with a shorter path: `path` must be the beginning of the URL's path.
    fn with_path(&self, path: &str) -> &str {
        let removed = self.path().len() - path.len();
        &self.text[..self.text.len() - removed]
    }

    /// Returns the server whose git repository has this URL. `None` if the URL does not have the path of a server's git repository, or
    /// contains credentials.
    pub fn of_git(url: &RemoteUrl) -> Option<Self> {
        let text = url.secret();
        let server = text.trim_end_matches('/').strip_suffix(GIT)?;
        Self::parse(server).ok()
    }

    /// Returns the URL of `path` on this server. The path starts with a slash.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }

    /// Returns the `ws` or `wss` URL of `path` on this server. The path starts with a slash.
    pub fn socket_at(&self, path: &str) -> String {
        let rest = self.text.strip_prefix("http").unwrap_or_default();
        format!("ws{rest}{path}")
    }

    /// Returns the URL of the server's git repository.
    pub fn git(&self) -> RemoteUrl {
        let url = RemoteUrl::parse(&self.at(GIT));
        url.expect("BUG: every server URL is a remote URL")
    }

    /// Returns whether the URL starts with `https`, so that connections are encrypted.
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// Returns the host name or address, without the brackets of IPv6, and the port.
    pub fn authority(&self) -> (&str, u16) {
        (self.host.trim_matches(['[', ']']), self.port)
    }
}

/// Returns the error for a malformed URL of a server, in which secrets are hidden.
fn invalid(text: &str, fault: &'static str) -> Error {
    let url = quoted(&redact(text));
    Error::ServerUrl { url, fault }
}

/// Returns the error for a store location that is neither a directory nor the URL of a server. Secrets in the text are hidden in the error.
pub fn invalid_store_location(text: &str, fault: &'static str) -> Error {
    let text = quoted(&redact(text));
    Error::StoreLocation { text, fault }
}

/// Returns the error for a store location that looks like the address of a server without a scheme; `None` if it does not look like one.
pub fn address_without_scheme(text: &str) -> Option<Error> {
    Some(Error::HostWithoutScheme {
        guess: ServerUrl::guess(text)?,
        text: quoted(text),
    })
}

fn split(text: &str) -> Result<ServerUrl, &'static str> {
    let is_plain = |c: char| c.is_ascii_graphic() && !"\"<>\\^`{|}".contains(c);
    if text.len() > BYTES_MAX {
        return Err("is longer than 2048 bytes");
    }
    if !text.chars().all(is_plain) {
        return Err("contains a character that is not allowed in a URL");
    }
    // Schemes are case-insensitive (RFC 3986, section 3.1).
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let is_tls = match scheme.to_ascii_lowercase().as_str() {
        "https" => true,
        "http" => false,
        _ => return Err("does not start with http:// or https://"),
    };
    if rest.contains(['?', '#']) {
        return Err("has a query or a fragment");
    }
    let (host, explicit_port) = host_and_port(rest.split('/').next().unwrap_or_default())?;
    let scheme = if is_tls { "https" } else { "http" };
    Ok(ServerUrl {
        text: format!("{scheme}://{}", rest.trim_end_matches('/')),
        is_tls,
        host: host.to_owned(),
        port: explicit_port.unwrap_or(if is_tls { 443 } else { 80 }),
    })
}

/// Splits the authority of a URL. The port is `None` if the authority contains none.
fn host_and_port(authority: &str) -> Result<(&str, Option<u16>), &'static str> {
    if authority.contains('@') {
        return Err("contains a user name: pass the key in an environment variable instead");
    }
    // The colons of an IPv6 address are in brackets.
    let address_end = authority.rfind(']').unwrap_or(0);
    let (host, port) = match authority[address_end..].rfind(':') {
        Some(colon) => {
            let (host, colon_and_digits) = authority.split_at(address_end + colon);
            let digits = &colon_and_digits[1..];
            // The digits are checked, because `parse` also accepts a leading `+`.
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            let port = digits.parse().ok().filter(|_| is_number);
            (host, Some(port.ok_or("has a malformed port")?))
        }
        None => (authority, None),
    };
    if host.is_empty() {
        Err("has no host")
    } else if !is_host(host) {
        Err("has a host that is neither a name nor an IP address")
    } else {
        Ok((host, port))
    }
}

/// Returns whether `host` has the form of a name, an IPv4 address or an IPv6 address in brackets.
fn is_host(host: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let is_address = |c: char| c.is_ascii_hexdigit() || ":.".contains(c);
    let in_brackets = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match in_brackets {
        Some(address) => address.chars().all(is_address),
        None => host.chars().all(is_name),
    }
}

impl FromStr for ServerUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_url_are_separated() {
        for (text, host, port) in [
            ("http://localhost:6384", "localhost", 6384),
            ("http://a.example/", "a.example", 80),
            ("https://a.example/stores/one//", "a.example", 443),
            ("https://[::1]:8443", "::1", 8443),
            ("http://[::1]", "::1", 80),
        ] {
            let url = ServerUrl::parse(text).unwrap();
            assert_eq!(url.authority(), (host, port), "{text}");
            assert_eq!(url.to_string(), text.trim_end_matches('/'));
        }
        assert_eq!(
            ServerUrl::parse("HTTPS://A").unwrap().to_string(),
            "https://A"
        );
        let url = ServerUrl::parse("https://a.example/x/").unwrap();
        assert_eq!(url.at("/api"), "https://a.example/x/api");
        assert_eq!(url.socket_at("/api"), "wss://a.example/x/api");
        assert_eq!(url.git().secret(), "https://a.example/x/wasmstore.git");
        let url = ServerUrl::parse("http://a").unwrap();
        assert_eq!(url.socket_at("/w"), "ws://a/w");
    }

    #[test]
    fn an_address_without_a_scheme_is_recognized() {
        for (text, url) in [
            ("localhost:6384", "http://localhost:6384"),
            ("store.example.com:443/x", "https://store.example.com:443/x"),
            ("[::1]:6384", "http://[::1]:6384"),
            ("modules:80/", "http://modules:80"),
            ("modules:80/api/v1", "http://modules:80"),
        ] {
            assert_eq!(ServerUrl::guess(text).unwrap(), url);
        }
        for text in [
            "", "a", "a:b", "a:0", "a:", ":80", "./a:80", "/a:80", "a b:80", "a@b:80", "a:70000",
        ] {
            assert_eq!(ServerUrl::guess(text), None, "{text}");
        }
    }

    #[test]
    fn only_urls_with_the_same_origin_and_path_name_the_same_server() {
        let url = |text: &str| ServerUrl::parse(text).unwrap();
        let server = url("https://A.example/x");
        for same in ["https://a.example:443/x/", "HTTPS://a.EXAMPLE/x"] {
            assert!(server.is_same_server(&url(same)), "{same}");
        }
        for other in [
            "http://a.example/x",
            "https://a.example:444/x",
            "https://b.example/x",
            "https://a.example",
            "https://a.example/X",
            "https://a.example/x/y",
        ] {
            assert!(!server.is_same_server(&url(other)), "{other}");
        }
        assert_eq!(url("http://a:80").with_other_scheme(), "https://a:80");
        assert_eq!(url("https://a/x").with_other_scheme(), "http://a/x");
    }

    #[test]
    fn the_server_of_a_git_repository_is_recognized() {
        let of_git = |text: &str| ServerUrl::of_git(&RemoteUrl::parse(text).unwrap());
        let server = of_git("https://a.example/x/wasmstore.git/").unwrap();
        assert_eq!(server.to_string(), "https://a.example/x");
        for other in [
            "https://a.example/modules.git",
            "https://u:p@a.example/wasmstore.git",
            "ssh://a.example/wasmstore.git",
            "/srv/wasmstore.git",
        ] {
            assert_eq!(of_git(other), None, "{other}");
        }
    }

    #[test]
    fn other_text_is_rejected_without_printing_secrets() {
        for text in [
            "",
            "localhost:6384",
            "ftp://a",
            "http://",
            "http://:80",
            "http://a:port",
            "http://a:70000",
            "http://a?b",
            "http://a#b",
            "http://a:+80",
            "http://a:b:80",
            "http://[::1",
            "http://a]:80",
            "http://%31",
            "http:a",
            "http://a b",
            "http://u:geheim@a",
        ] {
            let error = ServerUrl::parse(text).unwrap_err();
            assert!(!error.to_string().contains("geheim"), "{error}");
        }
    }
}
