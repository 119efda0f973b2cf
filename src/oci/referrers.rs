//! Lists the manifests that name a manifest as their subject.

use serde::Serialize;

use super::error::Result;
use super::manifest::{Descriptor, IMAGE_INDEX};
use super::pull::pushed_manifest;
use super::records::{Records, digest_of};
use super::registry::Registry;
use crate::names::{OciDigest, RepositoryName};
use crate::store::{RegistryView, Store};

/// The maximum number of manifests that are read for one page.
const READ_MAX: usize = 500;

/// The maximum total size of the manifests that are read for one page, in bytes. The page ends after the manifest that exceeds it.
const READ_BYTES_MAX: u64 = 1 << 20;

/// A page of the manifests with a given subject, in the form of an image index.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReferrersPage {
    schema_version: u8,
    media_type: &'static str,
    /// The manifests, sorted by digest.
    pub manifests: Vec<Descriptor>,
    /// The digest after which the next page begins, if there is one.
    #[serde(skip)]
    pub next: Option<OciDigest>,
}

impl Registry {
    /// Returns the manifests of a repository whose subject has this digest, sorted by digest, and starting after `after`. With
    /// `artifact_type`, returns only those of this type. The subject itself may be missing.
    ///
    /// # Errors
    /// The records cannot be read.
    pub fn referrers(
        &self,
        store: &Store,
        repository: &RepositoryName,
        subject: &OciDigest,
        artifact_type: Option<&str>,
        after: Option<&OciDigest>,
    ) -> Result<ReferrersPage> {
        store.read_registry(|view| {
            let mut page = ReferrersPage {
                schema_version: 2,
                media_type: IMAGE_INDEX,
                manifests: Vec::new(),
                next: None,
            };
            let (mut read, mut read_bytes, mut last) = (0, 0, None);
            for digest in digests(view, repository, subject)? {
                if after.is_some_and(|after| digest <= *after) {
                    continue;
                }
                if read >= READ_MAX || read_bytes > READ_BYTES_MAX {
                    page.next = last;
                    break;
                }
                last = Some(digest);
                read += 1;
                let Some(found) = descriptor(view, repository, &digest)? else {
                    continue;
                };
                read_bytes += found.size;
                if artifact_type.is_none() || found.artifact_type.as_deref() == artifact_type {
                    page.manifests.push(found);
                }
            }
            Ok(page)
        })
    }
}

/// Returns the digests of the manifests in `repository` whose field `subject` names the manifest with the digest `subject`, sorted.
pub(super) fn digests(
    view: &RegistryView<'_>,
    repository: &RepositoryName,
    subject: &OciDigest,
) -> Result<Vec<OciDigest>> {
    let directory = Records(repository).referrers(subject);
    let mut digests = Vec::new();
    for (algorithm, _) in view.records(&directory)? {
        for (digits, _) in view.records(&directory.join(&algorithm)?)? {
            digests.extend(digest_of([algorithm.as_str(), digits.as_str()].into_iter()));
        }
    }
    digests.sort();
    Ok(digests)
}

/// Returns the descriptor of a pushed manifest.
fn descriptor(
    view: &RegistryView<'_>,
    repository: &RepositoryName,
    digest: &OciDigest,
) -> Result<Option<Descriptor>> {
    let Some(found) = pushed_manifest(view, repository, digest)? else {
        return Ok(None);
    };
    let fields = found.fields().unwrap_or_default();
    Ok(Some(Descriptor {
        artifact_type: fields.effective_artifact_type().map(str::to_owned),
        annotations: fields.annotations.clone(),
        media_type: found.media_type,
        digest: found.digest,
        size: found.bytes.len() as u64,
    }))
}
