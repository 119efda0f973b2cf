//! Where a store is.

use std::path::PathBuf;

use crate::names::{self, ServerUrl};

/// Where a store is: in a folder here, or behind a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StoreLocation {
    /// A folder of this machine.
    Directory(PathBuf),
    /// The URL of a server.
    Server(ServerUrl),
}

impl StoreLocation {
    /// Reads what begins with `http:` or `https:` as a URL, and all else as a folder: one that is called so is `./http:…`.
    ///
    /// # Errors
    /// A malformed URL.
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
    fn only_a_url_is_no_folder() {
        for folder in [
            "/srv/store",
            "./http://a",
            "http",
            "httpx://a",
            "ssh://a",
            "",
        ] {
            let place = StoreLocation::parse(folder.into()).unwrap();
            assert_eq!(place, StoreLocation::Directory(folder.into()), "{folder}");
        }
        let url = ServerUrl::parse("https://a.example/x").unwrap();
        for text in ["https://a.example/x", "HTTPS://a.example/x/"] {
            let place = StoreLocation::parse(text.into()).unwrap();
            assert_eq!(place, StoreLocation::Server(url.clone()), "{text}");
        }
        for text in ["http://a?b", "http:a", "HTTP:/a", "http:"] {
            assert!(StoreLocation::parse(text.into()).is_err(), "{text}");
        }
    }
}
