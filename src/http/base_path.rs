//! The path below which a server answers.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use axum::http::uri::PathAndQuery;
use axum::http::{StatusCode, Uri};

use crate::http::error::{Failure, Result};

/// The paths that are answered with and without the base path, because supervisors send requests for these paths directly to the server and
/// not through the proxy.
const OPEN_PATHS: [&str; 2] = ["/healthz", "/readyz"];

/// The path below which a server answers; the root by default. Another base path is needed behind a proxy that forwards the requests below
/// a path and leaves that path in their URLs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BasePath(
    /// Empty for the root; otherwise segments that each begin with a slash.
    Arc<str>,
);

/// The error for a text that is not a base path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must begin with a slash and consist of letters, digits and `-._~`, like /modules")]
pub struct BasePathError;

impl FromStr for BasePath {
    type Err = BasePathError;

    fn from_str(text: &str) -> Result<Self, BasePathError> {
        let trimmed = text.strip_suffix('/').unwrap_or(text);
        if trimmed.is_empty() && text == "/" {
            return Ok(Self::default());
        }
        let segments = trimmed.strip_prefix('/').ok_or(BasePathError)?.split('/');
        // These characters need no percent-encoding (RFC 3986, section 2.3), so every base path has only one spelling.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let is_segment =
            |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(is_plain);
        if { segments }.all(is_segment) {
            Ok(Self(trimmed.into()))
        } else {
            Err(BasePathError)
        }
    }
}

impl fmt::Display for BasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "/" } else { &self.0 })
    }
}

impl BasePath {
    /// Returns the base path followed by `path`, for a URL of this server.
    pub(super) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// Returns the URI without the base path. The path must be normalized.
    ///
    /// # Errors
    /// 404 if the path is not below the base path.
    pub(super) fn remove_from(&self, uri: Uri) -> Result<Uri> {
        if self.0.is_empty() || OPEN_PATHS.contains(&uri.path()) {
            return Ok(uri);
        }
        let unknown = || {
            let detail = format!("the URLs of this server begin with {self}");
            Failure::new(StatusCode::NOT_FOUND, detail)
        };
        let text = uri.path_and_query().ok_or_else(unknown)?.as_str();
        let rest = text.strip_prefix(&*self.0).ok_or_else(unknown)?;
        let rest = match rest.bytes().next() {
            Some(b'/') => rest.to_owned(),
            Some(b'?') | None => format!("/{rest}"),
            Some(_) => return Err(unknown()),
        };
        let malformed = |_| Failure::malformed("the request's URL is malformed");
        let mut parts = uri.into_parts();
        parts.path_and_query = Some(PathAndQuery::try_from(rest).map_err(malformed)?);
        Uri::from_parts(parts).map_err(|_| Failure::malformed("the request's URL is malformed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_path_is_removed() {
        let base: BasePath = "/ws/v2/".parse().unwrap();
        assert_eq!(base.to_string(), "/ws/v2");
        for (uri, expected) in [
            (
                "/ws/v2/api/v1/modules?limit=1",
                Some("/api/v1/modules?limit=1"),
            ),
            ("/ws/v2", Some("/")),
            ("/ws/v2?a", Some("/?a")),
            ("/ws/v2/ws/v2", Some("/ws/v2")),
            ("http://host/ws/v2/a", Some("http://host/a")),
            ("/healthz", Some("/healthz")),
            ("/ws/v2/readyz", Some("/readyz")),
            ("/ws/v22/a", None),
            ("/ws", None),
            ("/metrics", None),
            ("/WS/v2/a", None),
        ] {
            let removed = base.remove_from(uri.parse().unwrap());
            let removed = removed.ok().map(|uri| uri.to_string());
            assert_eq!(removed.as_deref(), expected, "{uri}");
        }
        let root = BasePath::default().remove_from("/a".parse().unwrap());
        assert_eq!(root.unwrap(), "/a");
    }

    #[test]
    fn only_plain_paths_are_base_paths() {
        for text in [
            "", "ws", "//", "/a//b", "/..", "/a/.", "/a?", "/a#", "/%41", "/ä",
        ] {
            assert_eq!(text.parse::<BasePath>(), Err(BasePathError), "{text}");
        }
        assert_eq!("/".parse(), Ok(BasePath::default()));
    }
}
