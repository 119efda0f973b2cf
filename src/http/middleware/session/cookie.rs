//! The cookies of the web UI (RFC 6265).

use std::fmt::Write;
use std::time::Duration;

use axum::extract::Request;
use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

use crate::http::base_path::BasePath;
use crate::http::middleware::host::Host;

/// The port and the path that distinguish the cookies of this server from the cookies of other servers on the same host.
///
/// Browsers send cookies to all ports of a host (RFC 6265, section 8.5), so the port is part of the cookie's name. Otherwise two servers on
/// one machine would replace each other's cookies. Two servers on the same port with different base paths are distinguished by the path of
/// the cookie, and by the signature: the cookie of one server is invalid on the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) struct CookieScope {
    port: Option<u16>,
    path: String,
}

/// A cookie of the web UI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Cookie {
    /// The session. The browser sends this cookie only over encrypted connections, and only to the host that has set it.
    Session,
    /// A random number to which the forms of a browser without a session are bound. It grants no access.
    Browser,
}

impl CookieScope {
    /// Returns the scope of a server below `base_path`. Its port is the port in `request_host`, the host to which the browser sent the
    /// request.
    pub fn new(request_host: Option<&Host>, base_path: &BasePath) -> Self {
        Self {
            port: request_host.and_then(Host::port),
            path: base_path.join("/"),
        }
    }

    /// Returns the scope (port and path) of the cookies of a server below `base_path` that has received `request`.
    pub fn of(request: &Request, base_path: &BasePath) -> Self {
        let host = Host::of(request).ok().flatten();
        Self::new(host.as_ref(), base_path)
    }

    /// Returns the values of a cookie. A browser may send several cookies of the same name that were set for different paths.
    pub fn values<'h>(
        &self,
        headers: &'h HeaderMap,
        cookie: Cookie,
    ) -> impl Iterator<Item = &'h str> {
        let name = self.name(cookie);
        let headers = headers.get_all(COOKIE).into_iter();
        let pairs = headers
            .filter_map(|header| header.to_str().ok())
            .flat_map(|header| header.split(';'));
        pairs.filter_map(move |pair| {
            let (key, value) = pair.trim().split_once('=')?;
            (key == name).then_some(value)
        })
    }

    /// Returns the `Set-Cookie` header that sets a cookie for the duration `age`. An age of zero removes the cookie.
    pub fn set(
        &self,
        cookie: Cookie,
        value: &str,
        age: Duration,
        is_encrypted: bool,
    ) -> HeaderValue {
        let (name, path, seconds) = (self.name(cookie), &self.path, age.as_secs());
        let mut text =
            format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Strict");
        if is_encrypted || cookie == Cookie::Session {
            let _ = write!(text, "; Secure");
        }
        let mut header = HeaderValue::try_from(text).expect("BUG: the value is visible ASCII");
        header.set_sensitive(true);
        header
    }

    fn name(&self, cookie: Cookie) -> String {
        let name = match cookie {
            Cookie::Session => "wasmstore-session",
            Cookie::Browser => "wasmstore-browser",
        };
        match self.port {
            Some(port) => format!("{name}-{port}"),
            None => name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(host: &str, base_path: &str) -> CookieScope {
        let host = Host::parse(host).unwrap();
        CookieScope::new(Some(&host), &base_path.parse().unwrap())
    }

    #[test]
    fn a_session_cookie_is_secure_and_out_of_reach_of_scripts() {
        let day = Duration::from_secs(86_400);
        let set = |cookie, is_encrypted| {
            let header = scope("localhost:6384", "/ws").set(cookie, "v", day, is_encrypted);
            assert!(header.is_sensitive());
            header.to_str().unwrap().to_owned()
        };
        assert_eq!(
            set(Cookie::Session, false),
            "wasmstore-session-6384=v; Path=/ws/; Max-Age=86400; HttpOnly; SameSite=Strict; Secure"
        );
        assert_eq!(
            set(Cookie::Browser, false),
            "wasmstore-browser-6384=v; Path=/ws/; Max-Age=86400; HttpOnly; SameSite=Strict"
        );
        assert!(set(Cookie::Browser, true).ends_with("; Secure"));
    }

    #[test]
    fn all_values_of_a_cookie_are_found() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "a=b; wasmstore-session=1;".parse().unwrap());
        headers.append(
            COOKIE,
            "wasmstore-session=2=3;wasmstore-session-80=4; x"
                .parse()
                .unwrap(),
        );
        let values = |host| {
            let scope = scope(host, "/");
            scope
                .values(&headers, Cookie::Session)
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(values("example.org"), "1 2=3");
        assert_eq!(values("example.org:80"), "4");
        assert_eq!(values("example.org:81"), "");
    }
}
