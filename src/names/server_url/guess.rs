//! Guesses the URL that a user means, for hints.

use super::base::API;
use super::{GIT, ServerUrl, host_and_port};
use crate::names::remote_url::RemoteUrl;

/// The path of the web UI below a server's URL.
const UI: &str = "/ui";

impl ServerUrl {
    /// Returns the URL that a text without a scheme probably means: a host and a port, such as `localhost:6384`, and perhaps a path.
    pub(super) fn guess(text: &str) -> Option<String> {
        let (_, port) = host_and_port(text.split('/').next()?).ok()?;
        let scheme = match port.filter(|port| *port != 0)? {
            443 | 8443 => "https",
            _ => "http",
        };
        let url = Self::parse(&format!("{scheme}://{text}")).ok()?;
        Some(url.without_own_path().unwrap_or(&url.text).to_owned())
    }

    /// Returns the URL of the server if this looks like the URL of a page of its web UI or of a resource of its API; otherwise `None`. Use
    /// this only for a hint after an error, because a proxy can serve a server at such a URL.
    pub fn without_page(&self) -> Option<&str> {
        let path = self.path();
        let end = path.len();
        let starts = [UI, API].iter().filter_map(|own| {
            let above = path.find(&format!("{own}/"));
            above.or_else(|| path.ends_with(own).then(|| end - own.len()))
        });
        starts.min().map(|start| self.with_path(&path[..start]))
    }

    /// Returns the URL without its path; `None` if it has none. Use this only for a hint after an error, as for
    /// [`without_page`](Self::without_page).
    pub fn without_path(&self) -> Option<&str> {
        (!self.path().is_empty()).then(|| self.with_path(""))
    }

    /// Guesses the URL of a server's git repository. `url` may be the URL of the server, of a page of its web UI or of a resource of its
    /// API. Returns `None` for the URL of a repository and for a URL that a server cannot have.
    pub fn guess_git(url: &RemoteUrl) -> Option<String> {
        let server = Self::parse(url.secret()).ok()?;
        if server.path().ends_with(".git") {
            return None;
        }
        let base = server.without_page().unwrap_or(&server.text);
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
            ("https://a.git", Some("https://a.git/wasmstore.git")),
            ("https://a.example/wasmstore.git", None),
            ("https://a.example/m.git", None),
            ("git@a.example:m", None),
        ] {
            let url = RemoteUrl::parse(text).unwrap();
            assert_eq!(ServerUrl::guess_git(&url).as_deref(), expected, "{text}");
        }
        for (text, expected) in [
            ("https://a.example/ui", Some("https://a.example")),
            ("https://ui/ui/module/ui/a", Some("https://ui")),
            (
                "https://a.example/api/v1/modules",
                Some("https://a.example"),
            ),
            ("https://a.example/x/api/v1", Some("https://a.example/x")),
            ("https://ui", None),
            ("https://ui/x", None),
            ("https://api/v1/x", None),
        ] {
            let url = ServerUrl::parse(text).unwrap();
            assert_eq!(url.without_page(), expected, "{text}");
        }
        let below = ServerUrl::parse("https://a.example:1/modules/x").unwrap();
        assert_eq!(below.without_path(), Some("https://a.example:1"));
        let server = ServerUrl::parse("https://a.example:1/").unwrap();
        assert_eq!(server.without_path(), None);
    }
}
