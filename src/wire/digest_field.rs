//! Digests in header fields (RFC 9530).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::names::Digest;

/// Returns the value of a field `Content-Digest` or `Repr-Digest` with this digest.
pub fn digest_field(digest: Digest) -> String {
    format!("sha-256=:{}:", BASE64_STANDARD.encode(digest.as_bytes()))
}
