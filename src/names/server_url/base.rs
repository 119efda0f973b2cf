//! Recognises URLs that users pass by mistake as the URL of a server: the URLs of its API and of git repositories.

use super::{GIT, ServerUrl, invalid};
use crate::names::error::{Error, quoted};

/// The path of the API below a server's URL.
pub(super) const API: &str = "/api/v1";

/// Resources below [`API`] whose URLs end with the path of a module or directory. If such a URL were accepted as the URL of a server,
/// requests to the API below it would read or write a module with an unintended path.
const RESOURCES: [&str; 2] = ["/api/v1/modules", "/api/v1/module"];

impl ServerUrl {
    /// Parses a URL that a user passes as the URL of a server. Unlike [`parse`](Self::parse), rejects a URL whose path shows that it is the
    /// URL of something else. `parse` accepts every path, because a proxy can serve the API at any path.
    ///
    /// # Errors
    /// [`Error::ServerUrl`], also for the URL of another git repository; [`Error::NotBaseUrl`] for the URL of the API or of the git
    /// repository of a server, which users copy from the documentation.
    pub fn parse_base(text: &str) -> Result<Self, Error> {
        let url = Self::parse(text)?;
        if let Some(base) = url.without_own_path() {
            return Err(Error::NotBaseUrl {
                url: quoted(text),
                guess: base.to_owned(),
            });
        }
        if url.path().ends_with(".git") {
            return Err(invalid(
                text,
                "ends with .git, so it is a git repository and not a server: `wasmstore clone URL --root DIR` copies it",
            ));
        }
        Ok(url)
    }

    /// Returns the URL of the server if this is the URL of its API or of its git repository.
    pub(super) fn without_own_path(&self) -> Option<&str> {
        let path = self.path();
        let below = |resource: &&str| {
            let start = path.find(*resource)?;
            let after = &path[start + resource.len()..];
            (after.is_empty() || after.starts_with('/')).then_some(&path[..start])
        };
        let base = path.strip_suffix(API).or_else(|| path.strip_suffix(GIT));
        let base = base.or_else(|| RESOURCES.iter().find_map(below))?;
        Some(self.with_path(base))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_of_the_api_or_of_the_repository_is_not_that_of_the_server() {
        for (text, expected) in [
            ("https://a.example/api/v1", "https://a.example"),
            ("http://a.example/x/api/v1/", "http://a.example/x"),
            ("http://a.example/x/api/v1/modules", "http://a.example/x"),
            ("http://a.example/api/v1/module/a.wasm", "http://a.example"),
            (
                "http://a.example:6384/wasmstore.git",
                "http://a.example:6384",
            ),
        ] {
            let error = ServerUrl::parse_base(text).unwrap_err();
            let Error::NotBaseUrl { guess, .. } = error else {
                panic!("{text}: {error}");
            };
            assert_eq!(guess, expected, "{text}");
            assert!(ServerUrl::parse(text).is_ok(), "{text}");
        }
        let repository = "https://a.example/modules.git";
        let error = ServerUrl::parse_base(repository).unwrap_err();
        assert!(error.to_string().contains("wasmstore clone"), "{error}");
        assert!(ServerUrl::parse(repository).is_ok());
    }

    #[test]
    fn only_the_path_is_examined() {
        for text in [
            "http://api/v1",
            "http://a.git",
            "http://a.git:80/x/",
            "http://wasmstore.git",
            "http://a/my-api/v1x",
            "http://a/api/v1/wasm",
            "http://a/api/v1/modules2",
            "http://api/v1/modules",
            "http://x/api/v10",
        ] {
            let url = ServerUrl::parse_base(text).unwrap();
            assert_eq!(url.to_string(), text.trim_end_matches('/'));
        }
    }
}
