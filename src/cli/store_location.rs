//! The location of a store.

use std::path::PathBuf;

use crate::names::{self, ServerUrl};

/// The location of a store: a local directory, or a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StoreLocation {
    /// A local directory.
    Directory(PathBuf),
    /// The URL of a server.
    Server(ServerUrl),
}

impl StoreLocation {
    /// Parses text that begins with `http:` or `https:` as a URL, and any other text as a directory. A directory with such a name can be
    /// written as `./http:…`.
    ///
    /// # Errors
    /// The URL is malformed.
    pub fn parse(text: PathBuf) -> Result<Self, names::Error> {
        let is_url = |text: &&str| {
            let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
            ["http", "https"]
                .iter()
                .any(|known| scheme.eq_ignore_ascii_case(known))
        };
        match text.to_str().filter(is_url) {
            Some(url) => ServerUrl::parse(url).map(Self::Server),
            None => Ok(Self::Directory(text)),
        }
    }
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
            "httpx://a",
            "ssh://a",
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
        for text in ["http://a?b", "http:a", "HTTP:/a", "http:"] {
            assert!(StoreLocation::parse(text.into()).is_err(), "{text}");
        }
    }
}
