//! Deletes a tag or a manifest.

use super::error::Result;
use super::pull::{FoundManifest, tagged_module};
use super::push::now_s;
use super::records::{Records, TAGS, UNTAGGED, day_of};
use super::registry::Registry;
use super::tag_path::{self, TaggedModule};
use crate::names::{
    Author, BranchName, ManifestRef, ModuleHash, ModulePath, OciTag, RepositoryName,
};
use crate::store::{Published, RegistryDraft, Store};

impl Registry {
    /// Deletes a tag, or a manifest and all tags with which clients pull it. The modules of deleted tags are removed from the default
    /// branch.
    ///
    /// # Errors
    /// There is no such manifest or repository; the change cannot be published.
    pub fn delete_manifest(
        &self,
        store: &Store,
        repository: &RepositoryName,
        reference: &ManifestRef,
        author: Option<Author>,
    ) -> Result<Published<()>> {
        let branch = store.registry_branch()?;
        let write = store.begin_registry_write(author)?;
        // Another client may change these tags before `publish` makes its draft, so `apply` compares the draft with them.
        let found = self.manifest(store, repository, reference)?;
        let served = match reference {
            ManifestRef::Tag(_) => Vec::new(),
            ManifestRef::Digest(_) => self.tags_served_with(store, repository, &found)?,
        };
        let deletion = Deletion {
            repository,
            reference,
            served: &served,
            found: &found,
            branch: &branch,
        };
        write.publish(|draft| deletion.apply(draft))
    }

    /// Returns the tags with which a pull currently gets this manifest.
    fn tags_served_with(
        &self,
        store: &Store,
        repository: &RepositoryName,
        found: &FoundManifest,
    ) -> Result<Vec<ServedTag>> {
        store.read_registry(|view| {
            let mut served = Vec::new();
            for tag in self.all_tags(view, repository)? {
                let manifest = self.manifest_of_tag(view, repository, &tag)?;
                if manifest.is_none_or(|manifest| manifest.digest != found.digest) {
                    continue;
                }
                if let Some(module) = tagged_module(view, repository, &tag)? {
                    let record = view.record(Records(repository).tag(&tag).as_tree_path())?;
                    served.push(ServedTag {
                        tag,
                        module,
                        record,
                    });
                }
            }
            Ok(served)
        })
    }
}

/// A tag, its module, and its record: the git blob of the manifest with which it was pushed last.
struct ServedTag {
    tag: OciTag,
    module: TaggedModule,
    record: Option<ModuleHash>,
}

struct Deletion<'d> {
    repository: &'d RepositoryName,
    reference: &'d ManifestRef,
    served: &'d [ServedTag],
    found: &'d FoundManifest,
    branch: &'d BranchName,
}

impl Deletion<'_> {
    fn apply(&self, draft: &mut RegistryDraft<'_, '_>) -> Result<(String, ())> {
        let records = Records(self.repository);
        let modules = self.modules(draft)?;
        let mut removed: Vec<ModulePath> = Vec::new();
        let manifest = records.manifest(&self.found.digest);
        let pushed = draft.record(manifest.as_tree_path())?;
        match self.reference {
            ManifestRef::Digest(digest) => {
                removed.push(manifest);
                removed.push(records.media_type(digest));
                let fields = self.found.fields();
                if let Some(subject) = fields.as_ref().and_then(|fields| fields.subject.as_ref()) {
                    removed.push(records.referrer(&subject.digest, digest));
                }
                if let Some(hash) = pushed {
                    removed.extend(self.records_of(draft, hash)?);
                }
            }
            ManifestRef::Tag(tag) => {
                let current = draft.record(records.tag(tag).as_tree_path())?;
                removed.push(records.tag(tag));
                if let Some(hash) = current.or(pushed) {
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
        draft.remove_modules(&modules)?;
        let (repository, reference) = (self.repository, self.reference);
        let message = match reference {
            ManifestRef::Tag(tag) => format!("Delete {repository}:{tag}"),
            ManifestRef::Digest(digest) => format!("Delete {repository}@{digest}"),
        };
        Ok((message, ()))
    }

    /// Returns the paths of the modules of the deleted tags. A deletion by digest skips a tag that another client has pushed in the
    /// meantime.
    fn modules(&self, draft: &RegistryDraft<'_, '_>) -> Result<Vec<ModulePath>> {
        let find = |tag| {
            let module = |path: &_| draft.module(path);
            tag_path::find(self.repository, tag, self.branch, module)
        };
        if let ManifestRef::Tag(tag) = self.reference {
            return Ok(find(tag)?.map(|module| module.path).into_iter().collect());
        }
        let mut paths = Vec::new();
        for served in self.served {
            let record = Records(self.repository).tag(&served.tag);
            let is_unchanged = draft.record(record.as_tree_path())? == served.record
                && find(&served.tag)?.as_ref() == Some(&served.module);
            // `latest` and the name of the branch may be tags of the same module, so its path may already be in `paths`.
            if is_unchanged && !paths.contains(&served.module.path) {
                paths.push(served.module.path.clone());
            }
        }
        Ok(paths)
    }

    /// Returns the records that name a manifest: the records of the tags that were pushed with it, and of the days on which it lost a tag.
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
