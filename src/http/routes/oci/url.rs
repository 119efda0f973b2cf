//! The URLs of the OCI registry API.

use axum::http::StatusCode;

use crate::http::error::{Failure, Result};
use crate::names::{self, ManifestRef, OciDigest, RepositoryName};
use crate::oci::{self, ErrorCode};

/// A URL of the OCI registry API, below `/v2/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OciUrl {
    Catalog,
    Tags(RepositoryName),
    Manifest(RepositoryName, ManifestRef),
    Blob(RepositoryName, OciDigest),
    Uploads(RepositoryName),
    Upload(RepositoryName, String),
    Referrers(RepositoryName, OciDigest),
}

impl OciUrl {
    /// Parses the part of the URL after `/v2/`. It is parsed from its end, because the name of a repository may contain slashes.
    ///
    /// # Errors
    /// 404 for a URL that is not part of the API; 400 for a malformed name, tag or digest.
    pub fn parse(tail: &str) -> Result<Self> {
        if tail == "_catalog" {
            return Ok(Self::Catalog);
        }
        let name = |text: &str| RepositoryName::parse(text).map_err(malformed);
        let digest = |text: &str| OciDigest::parse(text).map_err(malformed);
        let (rest, last) = tail.rsplit_once('/').ok_or_else(unknown)?;
        if let ("uploads", Some(repository)) = (last, rest.strip_suffix("/blobs")) {
            return Ok(Self::Uploads(name(repository)?));
        }
        if let ("list", Some(repository)) = (last, rest.strip_suffix("/tags")) {
            return Ok(Self::Tags(name(repository)?));
        }
        if let Some(repository) = rest.strip_suffix("/blobs/uploads") {
            return Ok(Self::Upload(name(repository)?, last.to_owned()));
        }
        let (repository, kind) = rest.rsplit_once('/').ok_or_else(unknown)?;
        match kind {
            "manifests" => {
                let reference = ManifestRef::parse(last).map_err(malformed)?;
                Ok(Self::Manifest(name(repository)?, reference))
            }
            "blobs" => Ok(Self::Blob(name(repository)?, digest(last)?)),
            "referrers" => Ok(Self::Referrers(name(repository)?, digest(last)?)),
            _ => Err(unknown()),
        }
    }

    /// Returns the methods that the endpoint supports, as the value of the header `Allow` (RFC 9110, section 15.5.6).
    pub fn allowed_methods(&self) -> &'static str {
        match self {
            Self::Catalog | Self::Tags(_) | Self::Referrers(..) => "GET, HEAD",
            Self::Manifest(..) => "GET, HEAD, PUT, DELETE",
            Self::Blob(..) => "GET, HEAD, DELETE",
            Self::Uploads(_) => "POST",
            Self::Upload(..) => "GET, HEAD, PATCH, PUT, DELETE",
        }
    }
}

fn unknown() -> Failure {
    let detail = "there is no such endpoint in the registry API";
    Failure::new(StatusCode::NOT_FOUND, detail).with_oci_code(ErrorCode::Unsupported)
}

fn malformed(error: names::Error) -> Failure {
    oci::Error::from(error).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_parsed_from_their_end() {
        let name = |text: &str| RepositoryName::parse(text).unwrap();
        let digest = format!("sha256:{}", "a".repeat(64));
        let parsed = OciDigest::parse(&digest).unwrap();
        for (tail, expected) in [
            ("_catalog".to_owned(), OciUrl::Catalog),
            ("a/tags/list".to_owned(), OciUrl::Tags(name("a"))),
            (
                "a/tags/list/tags/list".to_owned(),
                OciUrl::Tags(name("a/tags/list")),
            ),
            ("a/b/blobs/uploads".to_owned(), OciUrl::Uploads(name("a/b"))),
            (
                "a/blobs/uploads/x".to_owned(),
                OciUrl::Upload(name("a"), "x".to_owned()),
            ),
            (
                format!("blobs/blobs/{digest}"),
                OciUrl::Blob(name("blobs"), parsed),
            ),
            (
                format!("manifests/manifests/manifests/{digest}"),
                OciUrl::Manifest(name("manifests/manifests"), ManifestRef::Digest(parsed)),
            ),
            (
                format!("a/referrers/{digest}"),
                OciUrl::Referrers(name("a"), parsed),
            ),
        ] {
            assert_eq!(OciUrl::parse(&tail).unwrap(), expected, "{tail}");
        }
        for (tail, status) in [
            ("a", 404),
            ("a/b", 404),
            ("a/b/c", 404),
            ("tags/list", 404),
            ("manifests/latest", 404),
            ("A/tags/list", 400),
            ("a/manifests/-", 400),
            ("a/blobs/sha256:0", 400),
            ("a/blobs/uploads/x/y", 404),
        ] {
            let failure = OciUrl::parse(tail).unwrap_err();
            assert_eq!(failure.status().as_u16(), status, "{tail}");
        }
    }
}
