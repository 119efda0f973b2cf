//! Deletes a tag or a manifest.

use super::error::Result;
use super::manifest::Manifest;
use super::pull::FoundManifest;
use super::push::now_s;
use super::records::{Records, TAGS, UNTAGGED, day_of};
use super::registry::Registry;
use super::tag_path;
use crate::names::{
    Author, BranchName, ManifestRef, ModuleHash, ModulePath, OciTag, RepositoryName,
};
use crate::store::{Published, RegistryDraft, Store};

impl Registry {
    /// Deletes a tag, or a manifest with all tags that are served with it. The modules of deleted tags are removed from the default branch.
    ///
    /// # Errors
    /// [`Error::ManifestUnknown`], [`Error::NameUnknown`]; those of publishing.
    pub fn delete_manifest(
        &self,
        store: &Store,
        repository: &RepositoryName,
        reference: &ManifestRef,
        author: Option<Author>,
    ) -> Result<Published<()>> {
        let default_branch = store.default_branch()?;
        let write = store.begin_registry_write(author)?;
        // Decided again under the lock: the tags below are read from the draft.
        let found = self.manifest(store, repository, reference)?;
        let served = match reference {
            ManifestRef::Tag(tag) => vec![tag.clone()],
            ManifestRef::Digest(_) => self.tags_served_with(store, repository, &found)?,
        };
        let deletion = Deletion {
            repository,
            reference,
            served: &served,
            found: &found,
            default_branch: &default_branch,
        };
        write.publish(|draft| deletion.apply(draft))
    }

    /// Returns the tags that are served with a manifest.
    fn tags_served_with(
        &self,
        store: &Store,
        repository: &RepositoryName,
        found: &FoundManifest,
    ) -> Result<Vec<OciTag>> {
        store.read_registry(|view| {
            let mut served = Vec::new();
            for tag in self.all_tags(store, view, repository)? {
                let manifest = self.manifest_of_tag(store, view, repository, &tag)?;
                if manifest.is_some_and(|manifest| manifest.digest == found.digest) {
                    served.push(tag);
                }
            }
            Ok(served)
        })
    }
}

struct Deletion<'d> {
    repository: &'d RepositoryName,
    reference: &'d ManifestRef,
    served: &'d [OciTag],
    found: &'d FoundManifest,
    default_branch: &'d BranchName,
}

impl Deletion<'_> {
    fn apply(&self, draft: &mut RegistryDraft<'_, '_>) -> Result<(String, ())> {
        let records = Records(self.repository);
        let mut removed: Vec<ModulePath> = Vec::new();
        let manifest = records.manifest(&self.found.digest);
        let pushed = draft.record(manifest.as_tree_path())?;
        match self.reference {
            ManifestRef::Digest(digest) => {
                removed.push(manifest);
                removed.push(records.media_type(digest));
                let parsed = self.found.parse().unwrap_or_else(|_| Manifest::default());
                if let Some(subject) = &parsed.subject {
                    removed.push(records.referrer(&subject.digest, digest));
                }
                if let Some(hash) = pushed {
                    removed.extend(self.records_of(draft, hash)?);
                }
            }
            ManifestRef::Tag(tag) => {
                removed.push(records.tag(tag));
                if let Some(hash) = pushed {
                    let path = records.untagged(day_of(now_s()), hash);
                    draft.set_records(&[(path, hash)])?;
                }
            }
        }
        let mut existing = Vec::new();
        for path in removed {
            if draft.record(path.as_tree_path())?.is_some() {
                existing.push(path);
            }
        }
        draft.remove_records(&existing)?;
        for tag in self.served {
            let find = |path: &_| draft.module(path);
            let module = tag_path::find(self.repository, tag, self.default_branch, find)?;
            if let Some(module) = module {
                draft.remove_modules(&[module.path])?;
            }
        }
        let (repository, reference) = (self.repository, self.reference);
        let message = match reference {
            ManifestRef::Tag(tag) => format!("Delete {repository}:{tag}"),
            ManifestRef::Digest(digest) => format!("Delete {repository}@{digest}"),
        };
        Ok((message, ()))
    }

    /// Returns the records of the tags that were pushed with a manifest, and of the days on which it lost one.
    fn records_of(
        &self,
        draft: &RegistryDraft<'_, '_>,
        manifest: ModuleHash,
    ) -> Result<Vec<ModulePath>> {
        let mut paths = Vec::new();
        for directory in [TAGS, UNTAGGED] {
            let records = draft.records(&Records(self.repository).directory(directory))?;
            let found = records.into_iter().filter(|(_, hash)| *hash == manifest);
            paths.extend(found.map(|(path, _)| path));
        }
        Ok(paths)
    }
}
