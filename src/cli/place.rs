//! Where a store is.

use std::path::PathBuf;

use crate::names::{self, ServerUrl};

/// Where a store is: in a folder here, or behind a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A folder of this machine.
    Folder(PathBuf),
    /// The URL of a server.
    Server(ServerUrl),
}

impl Place {
    /// Reads what begins with `http://` or `https://` as a URL, and all else as a folder.
    ///
    /// # Errors
    /// A malformed URL.
    pub fn parse(text: PathBuf) -> Result<Self, names::Error> {
        let is_url = |text: &&str| text.starts_with("http://") || text.starts_with("https://");
        match text.to_str().filter(is_url) {
            Some(url) => ServerUrl::parse(url).map(Self::Server),
            None => Ok(Self::Folder(text)),
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
            "http:",
            "httpx://a",
            "ssh://a",
            "",
        ] {
            let place = Place::parse(folder.into()).unwrap();
            assert_eq!(place, Place::Folder(folder.into()), "{folder}");
        }
        let url = ServerUrl::parse("https://a.example/x").unwrap();
        let place = Place::parse("https://a.example/x".into()).unwrap();
        assert_eq!(place, Place::Server(url));
        assert!(Place::parse("http://a?b".into()).is_err());
    }
}
