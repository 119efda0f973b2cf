//! The location of a store.

use std::path::PathBuf;

use super::home::expand;
use crate::names::{self, ServerUrl, invalid_store_location};

/// The location of a store: a local directory, or a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StoreLocation {
    /// A local directory.
    Directory(PathBuf),
    /// The URL of a server.
    Server(ServerUrl),
}

impl StoreLocation {
    /// Parses text that begins with `http:` or `https:` as a URL, and any other text as a directory, in which a leading `~` is the home
    /// directory. A directory with such a name can be written as `./http:…`.
    ///
    /// # Errors
    /// The URL is malformed or has another scheme. Text such as `htps://…` is not taken for a directory: it is more likely a mistyped
    /// URL.
    pub fn parse(text: PathBuf) -> Result<Self, names::Error> {
        let lossy = text.to_string_lossy();
        let (scheme, rest) = lossy.split_once(':').unwrap_or_default();
        let is_http = ["http", "https"]
            .iter()
            .any(|known| scheme.eq_ignore_ascii_case(known));
        if is_http {
            return ServerUrl::parse(&lossy).map(Self::Server);
        }
        let fail = |fault| invalid_store_location(&lossy, fault);
        if rest.starts_with("//") && is_scheme(scheme) {
            let fault =
                "has an unknown scheme: expected a directory, or a URL with http:// or https://";
            return Err(fail(fault));
        }
        Ok(Self::Directory(expand(text.clone()).map_err(fail)?))
    }
}

/// Returns whether text can be the scheme of a URL (RFC 3986, section 3.1).
fn is_scheme(text: &str) -> bool {
    let is_legal = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(is_legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_and_https_urls_are_servers() {
        for directory in [
            "/srv/store",
            "./http://a",
            "http",
            "./htps://a",
            "a b://c",
            "a:b",
            "1a://b",
            "/a://b",
            "",
        ] {
            let location = StoreLocation::parse(directory.into()).unwrap();
            let expected = StoreLocation::Directory(directory.into());
            assert_eq!(location, expected, "{directory}");
        }
        let url = ServerUrl::parse("https://a.example/x").unwrap();
        for text in ["https://a.example/x", "HTTPS://a.example/x/"] {
            let location = StoreLocation::parse(text.into()).unwrap();
            assert_eq!(location, StoreLocation::Server(url.clone()), "{text}");
        }
        for text in [
            "http://a?b",
            "http:a",
            "HTTP:/a",
            "http:",
            "htps://a",
            "ftp://a",
            "ssh://git@a/b",
            "file:///srv/store",
            "git+ssh://a",
            "~nobody/a",
        ] {
            assert!(StoreLocation::parse(text.into()).is_err(), "{text}");
        }
    }
}
