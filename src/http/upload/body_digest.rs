//! Checks the digests of a request body that the client sends in `Content-Digest` and `Repr-Digest` (RFC 9530).
//!
//! `Content-Digest` is about the content of the request, and `Repr-Digest` about the representation. An upload transfers a whole
//! representation, so both are about the same bytes: the body as it is transferred, in its content coding.

use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::http::error::{Failure, Result};
use crate::names::OciDigest;
use crate::store::{Hashing, Hashing512};

pub(in crate::http) const HEADERS: [&str; 2] = [CONTENT_DIGEST, REPR_DIGEST];

const CONTENT_DIGEST: &str = "content-digest";
pub(in crate::http) const REPR_DIGEST: &str = "repr-digest";

/// The digests that a body must have, and the hash functions that have processed the bytes received so far.
#[derive(Default)]
pub(in crate::http) struct BodyDigest {
    sha256: Option<Hashing>,
    sha512: Option<Hashing512>,
    expected: Vec<ExpectedDigest>,
}

struct ExpectedDigest {
    header: &'static str,
    algorithm: Algorithm,
    digest: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Sha256,
    Sha512,
}

impl BodyDigest {
    /// Parses the digests in the headers of a request. Digests of other algorithms than `sha-256` and `sha-512` are ignored, as RFC 9530
    /// allows.
    ///
    /// # Errors
    /// 400 if a digest is malformed.
    pub fn new(headers: &HeaderMap) -> Result<Self> {
        Self::of_headers(headers, &HEADERS)
    }

    /// Parses the digests in `Content-Digest`, of a body that is a part of a representation; `None` if there is none that can be checked.
    ///
    /// # Errors
    /// 400 if a digest is malformed.
    pub fn of_content(headers: &HeaderMap) -> Result<Option<Self>> {
        let digest = Self::of_headers(headers, &[CONTENT_DIGEST])?;
        Ok((!digest.expected.is_empty()).then_some(digest))
    }

    fn of_headers(headers: &HeaderMap, names: &[&'static str]) -> Result<Self> {
        let mut expected = Vec::new();
        for &header in names {
            for value in headers.get_all(header) {
                let value = value.to_str().map_err(|_| malformed(header))?;
                for member in value.split(',') {
                    expected.extend(parse(header, member.trim())?);
                }
            }
        }
        let needs = |algorithm| {
            expected
                .iter()
                .any(|digest: &ExpectedDigest| digest.algorithm == algorithm)
        };
        Ok(Self {
            sha256: needs(Algorithm::Sha256).then(Hashing::default),
            sha512: needs(Algorithm::Sha512).then(Hashing512::default),
            expected,
        })
    }

    /// Hashes the next bytes of the body.
    pub fn update(&mut self, bytes: &[u8]) {
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
        if let Some(sha512) = &mut self.sha512 {
            sha512.update(bytes);
        }
    }

    /// Compares the digests of the whole body with those in the headers.
    ///
    /// # Errors
    /// 400 if a digest in the headers differs.
    pub fn check(self) -> Result<()> {
        let sha256 = self.sha256.map(|hashing| hashing.finish().to_vec());
        let sha512 = self.sha512.map(|hashing| hashing.finish().to_vec());
        for expected in self.expected {
            let (name, actual) = match expected.algorithm {
                Algorithm::Sha256 => ("sha-256", &sha256),
                Algorithm::Sha512 => ("sha-512", &sha512),
            };
            if actual
                .as_deref()
                .is_some_and(|actual| actual != expected.digest)
            {
                let detail = format!(
                    "the {name} digest of the body is not the one in {}: the body was damaged, or the header is for other bytes",
                    title(expected.header)
                );
                return Err(Failure::new(StatusCode::BAD_REQUEST, detail));
            }
        }
        Ok(())
    }
}

/// Returns the digests in `Repr-Digest`. They are digests of a whole representation, which several requests transfer in chunks.
///
/// # Errors
/// 400 if one is malformed.
pub(in crate::http) fn representation_digests(headers: &HeaderMap) -> Result<Vec<OciDigest>> {
    let mut digests = Vec::new();
    for value in headers.get_all(REPR_DIGEST) {
        let value = value.to_str().map_err(|_| malformed(REPR_DIGEST))?;
        for member in value.split(',') {
            let Some(expected) = parse(REPR_DIGEST, member.trim())? else {
                continue;
            };
            let bytes = expected.digest;
            digests.push(match expected.algorithm {
                Algorithm::Sha256 => OciDigest::Sha256(fixed(&bytes)),
                Algorithm::Sha512 => OciDigest::Sha512(fixed(&bytes)),
            });
        }
    }
    Ok(digests)
}

fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes
        .try_into()
        .expect("BUG: the length of a digest was checked")
}

/// Returns the 400 error for a module that does not have the digest that the client has sent.
pub(in crate::http) fn different_digest(digest: &OciDigest) -> Failure {
    Failure::malformed(format!(
        "the digest of the module is not {digest}: the upload was damaged, or the digest belongs to other bytes; upload the module again"
    ))
}

/// Parses a member of the header's dictionary (RFC 9651, section 3.2), in the form `ALGORITHM=:BASE64:`. Returns `None` for other
/// algorithms.
fn parse(header: &'static str, member: &str) -> Result<Option<ExpectedDigest>> {
    let (name, value) = member.split_once('=').ok_or_else(|| malformed(header))?;
    let (algorithm, bytes) = match name.trim().to_ascii_lowercase().as_str() {
        "sha-256" => (Algorithm::Sha256, 32),
        "sha-512" => (Algorithm::Sha512, 64),
        _ => return Ok(None),
    };
    let base64 = value
        .trim()
        .strip_prefix(':')
        .and_then(|value| value.strip_suffix(':'));
    let digest = base64.and_then(|base64| BASE64_STANDARD.decode(base64).ok());
    match digest.filter(|digest| digest.len() == bytes) {
        Some(digest) => Ok(Some(ExpectedDigest {
            header,
            algorithm,
            digest,
        })),
        None => Err(malformed(header)),
    }
}

fn malformed(header: &str) -> Failure {
    let title = title(header);
    Failure::malformed(format!(
        "{title} is malformed: it must be like `sha-256=:BASE64:` (RFC 9530)"
    ))
}

fn title(header: &str) -> &'static str {
    if header == REPR_DIGEST {
        "Repr-Digest"
    } else {
        "Content-Digest"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 and SHA-512 of "abc" (FIPS 180-4).
    const SHA256: &str = "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:";
    const SHA512: &str = "sha-512=:3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==:";

    fn check(values: &[(&'static str, &str)], body: &[u8]) -> Result<()> {
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            headers.append(*name, value.parse().unwrap());
        }
        let mut digest = BodyDigest::new(&headers)?;
        body.chunks(2).for_each(|bytes| digest.update(bytes));
        digest.check()
    }

    #[test]
    fn every_digest_must_match() {
        let both = format!("{SHA512}, unknown=:eA==:, {SHA256}");
        for header in HEADERS {
            for value in [SHA256, SHA512, &both] {
                check(&[(header, value)], b"abc").unwrap();
                check(&[(header, value)], b"abd").unwrap_err();
            }
        }
        check(&[], b"abc").unwrap();
        check(&[("repr-digest", "md5=:eA==:")], b"abc").unwrap();
        check(&[("content-digest", SHA256), ("repr-digest", SHA512)], b"").unwrap_err();
    }

    #[test]
    fn malformed_digests_are_refused() {
        for value in [
            "",
            "sha-256",
            "sha-256=abc",
            "sha-256=:abc",
            "sha-256=:eA==:",
            "sha-512=:?:",
        ] {
            assert!(check(&[("repr-digest", value)], b"abc").is_err(), "{value}");
        }
    }
}
