//! Requests to the OCI registry of a server.

use serde::Deserialize;

use super::request::Client;
use crate::names::{ManifestRef, OciDigest, OciTag, RepositoryName};
use crate::remote::error::Result;
use crate::wire::encode_query_value;
use ureq::http::Method;

/// The response header with the digest of a manifest.
const CONTENT_DIGEST: &str = "docker-content-digest";

/// The part of a response with a list of tags that the client reads.
#[derive(Deserialize)]
struct TagsJson {
    tags: Vec<String>,
}

impl Client {
    /// Requests all tags of an OCI repository, page by page.
    pub(super) fn all_oci_tags(&self, repository: &RepositoryName) -> Result<Vec<OciTag>> {
        let mut tags: Vec<OciTag> = Vec::new();
        loop {
            let last = tags.last().map(|last| encode_query_value(last.as_str()));
            let query = last.map(|last| format!("?last={last}")).unwrap_or_default();
            let path = format!("/v2/{repository}/tags/list{query}");
            let page = self.json::<TagsJson>(self.request_to(Method::GET, &path))?;
            let is_empty = page.value.tags.is_empty();
            for tag in page.value.tags {
                tags.push(self.parse(&tag, OciTag::parse)?);
            }
            if !page.has_more {
                return Ok(tags);
            }
            if is_empty {
                return Err(self.invalid_response("a page of tags is empty"));
            }
        }
    }

    /// Requests an OCI manifest. Returns its digest and its text.
    pub(super) fn oci_manifest_text(
        &self,
        repository: &RepositoryName,
        reference: &ManifestRef,
    ) -> Result<(OciDigest, String)> {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let response = self.send(self.request_to(Method::GET, &path))?;
        let digest = response.headers().get(CONTENT_DIGEST);
        let digest = digest.and_then(|digest| digest.to_str().ok());
        let digest = self.parse(digest.unwrap_or_default(), OciDigest::parse)?;
        Ok((digest, self.read_text(response)?.value))
    }
}
