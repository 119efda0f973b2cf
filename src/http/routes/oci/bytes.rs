//! Responses with content that has a digest: manifests and blobs of the OCI registry.

use std::ops::Range;

use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::http::error::{Failure, Result};
use crate::http::module::range::parse_range;
use crate::names::OciDigest;
use crate::oci::ErrorCode;

/// The response header with the digest of the content.
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// The digest, media type and size of a manifest or blob.
pub(super) struct Content<'c> {
    pub digest: &'c OciDigest,
    pub media_type: &'c str,
    pub size_bytes: u64,
}

impl Content<'_> {
    /// Responds with the bytes, or with the range of them that the client requests.
    ///
    /// # Errors
    /// 416 if the range is outside of the bytes.
    pub fn respond(&self, headers: &HeaderMap, bytes: Bytes) -> Result<Response> {
        let mut response = StatusCode::OK.into_response();
        self.insert_headers(response.headers_mut());
        match self.range(headers)? {
            Some(range) => {
                let content_range = format!(
                    "bytes {}-{}/{}",
                    range.start,
                    range.end - 1,
                    self.size_bytes
                );
                response
                    .headers_mut()
                    .insert(CONTENT_RANGE, value(&content_range));
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                *response.body_mut() =
                    Body::from(bytes.slice(range.start as usize..range.end as usize));
            }
            None => *response.body_mut() = Body::from(bytes),
        }
        Ok(response)
    }

    /// Responds without the bytes if the method is HEAD, or if the client already has them. Otherwise returns `None`.
    pub fn respond_without_bytes(&self, method: &Method, headers: &HeaderMap) -> Option<Response> {
        let known = headers
            .get(IF_NONE_MATCH)
            .and_then(|value| value.to_str().ok());
        let is_known = known.is_some_and(|known| known == "*" || known.contains(&self.etag()));
        let status = match (is_known, method) {
            (true, _) => StatusCode::NOT_MODIFIED,
            (false, &Method::HEAD) => StatusCode::OK,
            _ => return None,
        };
        let mut response = status.into_response();
        self.insert_headers(response.headers_mut());
        if !is_known {
            let length = HeaderValue::from(self.size_bytes);
            response.headers_mut().insert(CONTENT_LENGTH, length);
        }
        Some(response)
    }

    /// Inserts the headers that every response with this content has.
    pub fn insert_headers(&self, headers: &mut HeaderMap) {
        headers.insert(CONTENT_TYPE, value(self.media_type));
        headers.insert(CONTENT_DIGEST, value(&self.digest.to_string()));
        headers.insert(ETAG, value(&self.etag()));
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    }

    /// Returns the range that the client requests; `None` for the whole content.
    ///
    /// # Errors
    /// 416 if the range is outside of the bytes or malformed. A server may ignore or reject a malformed range (RFC 9110, section 14.2).
    pub fn range(&self, headers: &HeaderMap) -> Result<Option<Range<u64>>> {
        match parse_range(headers, self.size_bytes, &self.etag()) {
            Err(failure) => Err(Failure::new(
                StatusCode::RANGE_NOT_SATISFIABLE,
                failure.to_string(),
            )
            .with_header(CONTENT_RANGE, format!("bytes */{}", self.size_bytes))
            .with_oci_code(ErrorCode::SizeInvalid)),
            range => range,
        }
    }

    fn etag(&self) -> String {
        format!("\"{}\"", self.digest)
    }
}

/// Returns a header value. Text that is not a valid header value is replaced. Only a media type that a client has sent can be invalid.
fn value(text: &str) -> HeaderValue {
    text.parse()
        .unwrap_or(HeaderValue::from_static("application/octet-stream"))
}
