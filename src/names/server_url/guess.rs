//! Guesses the URL that a user means, for hints.

use super::{GIT, ServerUrl, host_and_port};
use crate::names::error::Error;
use crate::names::remote_url::RemoteUrl;

/// The path of the web UI below a server's URL.
const UI: &str = "/ui";

impl ServerUrl {
    /// Returns the URL that a text without a scheme probably means: a host and a port, such as `localhost:6384`, and perhaps a path.
    pub(super) fn guess(text: &str) -> Option<Self> {
        let (_, port) = host_and_port(text.split('/').next()?).ok()?;
        let scheme = match port.filter(|port| *port != 0)? {
            443 | 8443 => "https",
            _ => "http",
        };
        Self::parse(&format!("{scheme}://{text}")).ok()
    }

    /// Returns the URL of the server if this is the URL of a page of its web UI; otherwise `None`. A server can have such a URL of its own,
    /// so this is only a guess after an error.
    pub fn without_page(&self) -> Option<&str> {
        let at = self.text.find(&format!("{UI}/"));
        let base = at.map(|at| &self.text[..at]);
        base.or_else(|| self.text.strip_suffix(UI))
            .filter(|base| !base.ends_with('/'))
    }

    /// Returns the URL of the git repository of the server to which a URL in a browser or of the API probably belongs; `None` if the URL is
    /// not that of a server, or already that of a repository.
    pub fn guess_git(url: &RemoteUrl) -> Option<String> {
        let base = match Self::parse(url.secret()) {
            Ok(server) if server.text.ends_with(".git") => return None,
            Ok(server) => server.without_page().unwrap_or(&server.text).to_owned(),
            Err(Error::NotBaseUrl { guess, .. }) if !url.secret().contains(GIT) => guess,
            Err(_) => return None,
        };
        Some(format!("{base}{GIT}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_of_a_page_is_guessed() {
        for (text, expected) in [
            ("https://a.example", Some("https://a.example/wasmstore.git")),
            (
                "https://a.example/ui/",
                Some("https://a.example/wasmstore.git"),
            ),
            (
                "https://a.example/x/ui/module/a.wasm",
                Some("https://a.example/x/wasmstore.git"),
            ),
            (
                "https://a.example/api/v1",
                Some("https://a.example/wasmstore.git"),
            ),
            ("https://a.example/wasmstore.git", None),
            ("https://a.example/m.git", None),
            ("git@a.example:m", None),
        ] {
            let url = RemoteUrl::parse(text).unwrap();
            assert_eq!(ServerUrl::guess_git(&url).as_deref(), expected, "{text}");
        }
        let page = ServerUrl::parse("https://a.example/ui").unwrap();
        assert_eq!(page.without_page(), Some("https://a.example"));
        assert_eq!(ServerUrl::parse("https://ui").unwrap().without_page(), None);
    }
}
