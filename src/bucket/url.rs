//! URLs of buckets.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::names::printable;

/// The URL of a bucket: `s3://NAME/PREFIX`, `gs://NAME/PREFIX`, `az://CONTAINER/PREFIX` or `file:///DIR`. The prefix may be missing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BucketUrl {
    /// A bucket of S3 or of a store with the same API.
    S3(BucketPrefix),
    /// A bucket of Google Cloud Storage.
    Gcs(BucketPrefix),
    /// A container of Azure Blob Storage.
    Azure(BucketPrefix),
    /// A directory of this machine.
    Directory(PathBuf),
}

/// A bucket, and the prefix of the keys in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BucketPrefix {
    /// The name of the bucket or container.
    pub bucket: String,
    /// The prefix, without a slash at either end; empty if there is none.
    pub prefix: String,
}

/// The error for a text that is not the URL of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{url:?} is not the URL of a bucket: {reason}")]
pub struct InvalidBucketUrl {
    /// The rejected text, without credentials.
    pub url: String,
    /// What is wrong, and what to write instead.
    pub reason: String,
}

impl BucketUrl {
    /// Parses a URL.
    ///
    /// # Errors
    /// [`InvalidBucketUrl`].
    pub fn parse(text: &str) -> Result<Self, InvalidBucketUrl> {
        let invalid = |reason: &str| InvalidBucketUrl {
            url: without_credentials(text),
            reason: reason.to_owned(),
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| {
            invalid(
                "write s3://NAME/PREFIX, gs://NAME/PREFIX, az://CONTAINER/PREFIX or file:///DIR",
            )
        })?;
        if rest.contains(['?', '#']) {
            return Err(invalid(
                "it must not have a query or fragment; settings are environment variables",
            ));
        }
        if let Some(c) = rest.chars().find(|c| c.is_control() || *c == '\\') {
            return Err(invalid(&format!("it contains {c:?}")));
        }
        match scheme {
            "s3" => BucketPrefix::parse(rest).map(Self::S3),
            "gs" => BucketPrefix::parse(rest).map(Self::Gcs),
            "az" => BucketPrefix::parse(rest).map(Self::Azure),
            "file" if rest.starts_with('/') => Ok(Self::Directory(PathBuf::from(rest))),
            "file" => Err("the path of a file:// URL starts with a slash: file:///DIR".to_owned()),
            _ => Err(format!("{scheme:?} is not one of s3, gs, az and file")),
        }
        .map_err(|reason| invalid(&reason))
    }
}

impl BucketPrefix {
    fn parse(rest: &str) -> Result<Self, String> {
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.contains('@') {
            return Err(
                "it must not contain credentials; set them as environment variables".to_owned(),
            );
        }
        if bucket.is_empty() {
            return Err("the name of the bucket is missing".to_owned());
        }
        let is_legal = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        if let Some(c) = bucket.chars().find(|c| !is_legal(*c)) {
            return Err(format!("the name of a bucket cannot contain {c:?}"));
        }
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let is_odd = |segment: &str| matches!(segment, "" | "." | "..");
        if !prefix.is_empty() && prefix.split('/').any(is_odd) {
            return Err("a part of the prefix is empty, `.` or `..`".to_owned());
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        })
    }
}

/// Replaces everything between the scheme and an `@` by `***`, and removes a `?` and everything after it.
fn without_credentials(text: &str) -> String {
    let text = text.split_once('?').map_or(text, |(url, _)| url);
    let shown = match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://***@{rest}"),
        (None, Some((_, rest))) => format!("***@{rest}"),
        (_, None) => text.to_owned(),
    };
    printable(&shown)
}

impl FromStr for BucketUrl {
    type Err = InvalidBucketUrl;

    fn from_str(text: &str) -> Result<Self, InvalidBucketUrl> {
        Self::parse(text)
    }
}

impl fmt::Display for BucketUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, location) = match self {
            Self::S3(location) => ("s3", location),
            Self::Gcs(location) => ("gs", location),
            Self::Azure(location) => ("az", location),
            Self::Directory(path) => return write!(f, "file://{}", path.display()),
        };
        write!(f, "{scheme}://{}", location.bucket)?;
        if !location.prefix.is_empty() {
            write!(f, "/{}", location.prefix)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_printed_as_they_were_parsed() {
        for url in [
            "s3://name",
            "s3://name/a/b",
            "gs://n.a-m_e/x",
            "az://box/y",
            "file:///srv/bucket",
        ] {
            assert_eq!(BucketUrl::parse(url).unwrap().to_string(), url);
        }
        let slash = BucketUrl::parse("s3://name/a/").unwrap();
        assert_eq!(slash.to_string(), "s3://name/a");
        assert_eq!(
            BucketUrl::parse("s3://name/").unwrap().to_string(),
            "s3://name"
        );
    }

    #[test]
    fn invalid_urls_are_explained() {
        for (url, reason) in [
            ("/srv/bucket", "write s3://NAME/PREFIX"),
            ("http://name", "is not one of s3, gs, az and file"),
            ("s3://", "the name of the bucket is missing"),
            ("s3:///prefix", "the name of the bucket is missing"),
            ("s3://na me", "cannot contain ' '"),
            ("s3://name//a", "a part of the prefix is empty"),
            ("s3://name/../a", "a part of the prefix"),
            ("s3://name/a?region=x", "must not have a query"),
            ("s3://name/a\n", "it contains '\\n'"),
            ("file://dir", "starts with a slash"),
        ] {
            let error = BucketUrl::parse(url).unwrap_err();
            assert!(error.reason.contains(reason), "{url}: {error}");
        }
    }

    #[test]
    fn errors_do_not_contain_credentials() {
        for url in [
            "s3://key:secret@name/a",
            "key:secret@name",
            "s3://name?token=secret",
        ] {
            let error = BucketUrl::parse(url).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
