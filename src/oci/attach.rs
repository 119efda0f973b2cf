//! Records a synthesised manifest when a client pushes a signature or another manifest that refers to it. The manifest must then be kept
//! even if its module is removed.

use super::error::Result;
use super::prepared_push::Found;
use super::pull::pushed_manifest;
use super::push::ManifestPush;
use super::registry::{Registry, RepositoryModule};
use super::signature_tag::subject_of_tag;
use super::synthesized::Synthesized;
use super::{manifest::Manifest, records::Records};
use crate::names::{ModuleHash, ModulePath, OciDigest, OciTag};
use crate::store::{RegistryView, RegistryWrite};

/// A manifest that the registry made for a module, and that is now stored because a pushed manifest refers to it.
pub(super) struct Attached {
    made: std::sync::Arc<Synthesized>,
    module: RepositoryModule,
    layer: OciDigest,
}

impl Registry {
    /// Returns the synthesised manifests, which the registry itself makes for modules, to which a push refers: the subject of the pushed
    /// manifest, and the digests that its tags contain in the form that cosign uses. Adds a manifest that already has a record to `found`
    /// instead.
    pub(super) fn attached(
        &self,
        view: &RegistryView<'_>,
        push: &ManifestPush,
        manifest: &Manifest,
        tags: &[OciTag],
        found: &mut Vec<Found>,
    ) -> Result<Vec<Attached>> {
        let subject = manifest.subject.as_ref().map(|subject| subject.digest);
        let mut subjects: Vec<_> = tags.iter().filter_map(subject_of_tag).collect();
        subjects.extend(subject);
        subjects.sort_unstable();
        subjects.dedup();
        let mut attached = Vec::new();
        for digest in subjects {
            if pushed_manifest(view, &push.repository, &digest)?.is_some() {
                found.push(Found::Record(digest));
                continue;
            }
            let found = self.module_by_digest(view, &push.repository, &digest)?;
            if let Some((module, made)) = found.filter(|(_, made)| made.digest == digest) {
                let layer = OciDigest::from(view.digest(module.hash)?);
                attached.push(Attached {
                    made,
                    module,
                    layer,
                });
            }
        }
        Ok(attached)
    }
}

impl Attached {
    /// Stores the manifest and its blobs. Returns the paths and contents of the records of the manifest, its blobs and its tag. The caller
    /// must write these records.
    ///
    /// # Errors
    /// The blobs cannot be written, or the module no longer exists.
    pub fn store(
        &self,
        write: &mut RegistryWrite<'_>,
        records: &Records<'_>,
    ) -> Result<Vec<(ModulePath, ModuleHash)>> {
        let manifest = write.add_bytes(self.made.manifest.clone())?;
        let config = write.add_bytes(self.made.config.clone())?;
        write.add_stored(self.module.hash)?;
        let mut stored = vec![
            (records.manifest(&self.made.digest), manifest),
            (records.blob(&self.made.config_digest), config),
            (records.blob(&self.layer), self.module.hash),
        ];
        stored.extend(self.module.tag().map(|tag| (records.tag(&tag), manifest)));
        Ok(stored)
    }
}
