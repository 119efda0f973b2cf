//! The HTTP proxies that environment variables of the user configure.

use std::net::IpAddr;

use ipnet::IpNet;

use super::error::{Error, Result};
use super::http_proxy::HttpProxy;
use crate::names::ServerUrl;

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
    }
}
