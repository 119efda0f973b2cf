//! Gets, pushes and deletes manifests of the OCI registry.

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};

use super::bytes::{CONTENT_DIGEST, Content};
use super::uploads::author;
use crate::http::error::{Failure, Result};
use crate::http::routes::upload_body::UploadBody;
use crate::http::state::App;
use crate::names::{ManifestRef, OciTag, RepositoryName};
use crate::oci::{IMAGE_MANIFEST, MANIFEST_BYTES_MAX, ManifestPush};

/// The maximum number of tags that one push by digest can set.
const TAGS_MAX: usize = 100;

/// The response header with the digest of the manifest that the pushed manifest refers to as its subject.
const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
/// The response header with the tags that a push by digest has set.
const TAG: HeaderName = HeaderName::from_static("oci-tag");

pub(super) async fn get(
    app: App,
    name: RepositoryName,
    reference: ManifestRef,
    parts: Parts,
) -> Result<Response> {
    let app_of_read = app.clone();
    let found = app.run_read(move |store| {
        let registry = &app_of_read.registry;
        Ok(registry.manifest(store, &name, &reference)?)
    });
    let found = found.await?;
    let content = Content {
        digest: &found.digest,
        media_type: &found.media_type,
        size_bytes: found.bytes.len() as u64,
    };
    let (method, headers) = (&parts.method, &parts.headers);
    if let Some(response) = content.respond_without_bytes(method, headers) {
        return Ok(response);
    }
    // The bytes are shared with the cache of the store. They are charged to the memory budget even so, because a client that reads slowly
    // keeps up to 4 MiB in memory.
    let charge = app.charge(content.size_bytes).await?;
    let bytes = Bytes::from_owner(ManifestBytes {
        bytes: found.bytes.clone(),
        _charge: charge,
    });
    content.respond(&HeaderMap::new(), bytes)
}

/// The bytes of a manifest, and their charge on the memory budget.
struct ManifestBytes {
    bytes: crate::store::Blob,
    _charge: crate::budget::Charge,
}

impl AsRef<[u8]> for ManifestBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

pub(super) async fn put(
    app: App,
    name: RepositoryName,
    reference: ManifestRef,
    parts: Parts,
    body: Body,
) -> Result<Response> {
    let author = author(&parts)?;
    let tags = tags(parts.uri.query())?;
    let is_by_digest = matches!(reference, ManifestRef::Digest(_));
    let tags = if is_by_digest { tags } else { Vec::new() };
    let media_type = media_type(&parts.headers);
    let mut body = UploadBody::new(&app, &parts, body).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MANIFEST_BYTES_MAX {
            let detail = format!("the manifest is larger than {MANIFEST_BYTES_MAX} bytes");
            return Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
        body.hold(bytes.len())?;
    }
    let push = ManifestPush {
        repository: name.clone(),
        reference,
        tags: tags.clone(),
        media_type,
        bytes,
        author,
    };
    let app_of_write = app.clone();
    let put = app.publish(move |store| {
        let _body = body;
        Ok(app_of_write.registry.put_manifest(store, &push)?)
    });
    let (commit, pushed) = put.await?;
    let location = app
        .base_path
        .join(&format!("/v2/{name}/manifests/{}", pushed.digest));
    let mut response = (StatusCode::CREATED, commit, [(LOCATION, location)]).into_response();
    let headers = response.headers_mut();
    let value = |text: String| {
        text.parse()
            .expect("BUG: digests and tags are header values")
    };
    headers.insert(CONTENT_DIGEST, value(pushed.digest.to_string()));
    if let Some(subject) = pushed.subject {
        headers.insert(SUBJECT, value(subject.to_string()));
    }
    if !tags.is_empty() {
        let tags: Vec<_> = tags.iter().map(OciTag::as_str).collect();
        headers.insert(TAG, value(tags.join(", ")));
    }
    Ok(response)
}

/// Returns the media type in `Content-Type`, without its parameters.
fn media_type(headers: &HeaderMap) -> String {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let media_type = value.and_then(|value| value.split(';').next());
    media_type.unwrap_or(IMAGE_MANIFEST).trim().to_owned()
}

/// Parses the query parameters `tag` of a push by digest.
fn tags(query: Option<&str>) -> Result<Vec<OciTag>> {
    let pairs = query.unwrap_or_default().split('&');
    let values = pairs.filter_map(|pair| pair.strip_prefix("tag="));
    let tags = values.map(|tag| {
        let tag = crate::http::percent::decode(tag)?;
        Ok(OciTag::parse(&tag).map_err(crate::oci::Error::from)?)
    });
    let tags = tags.collect::<Result<Vec<_>>>()?;
    if tags.len() > TAGS_MAX {
        let detail = format!("a push can set at most {TAGS_MAX} tags");
        return Err(Failure::malformed(detail));
    }
    Ok(tags)
}

pub(super) async fn delete(
    app: App,
    name: RepositoryName,
    reference: ManifestRef,
    parts: Parts,
) -> Result<Response> {
    let author = author(&parts)?;
    let app_of_write = app.clone();
    let deleted = app.publish(move |store| {
        let registry = &app_of_write.registry;
        Ok(registry.delete_manifest(store, &name, &reference, author)?)
    });
    let (commit, ()) = deleted.await?;
    Ok((StatusCode::ACCEPTED, commit).into_response())
}
