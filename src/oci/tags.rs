//! Lists the tags of a repository.

use std::collections::{BTreeMap, HashMap};

use super::error::{Error, Result};
use super::manifest::Manifest;
use super::pull::is_known;
use super::records::{Records, TAGS};
use super::registry::{Registry, directory};
use super::tag_path::{outer_paths, outer_tags, tag_of_file};
use crate::names::{ModuleHash, OciTag, RepositoryName};
use crate::store::{RegistryView, Store, TreeNode};

/// A page of the tags of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagsPage {
    /// The tags, sorted by their bytes.
    pub tags: Vec<OciTag>,
    /// Whether there are more tags after these.
    pub has_more: bool,
}

impl Registry {
    /// Returns at most `count` tags of a repository that sort after `after`.
    ///
    /// # Errors
    /// [`Error::NameUnknown`].
    pub fn tags(
        &self,
        store: &Store,
        repository: &RepositoryName,
        after: Option<&str>,
        count: usize,
    ) -> Result<TagsPage> {
        let mut tags = store.read_registry(|view| {
            if !is_known(view, repository)? {
                return Err(Error::NameUnknown(repository.clone()));
            }
            let (mut tags, mut checked) = (Vec::new(), HashMap::new());
            for (tag, record) in named_tags(view, repository)? {
                if after.is_some_and(|after| tag.as_str() <= after) {
                    continue;
                }
                if tags.len() > count {
                    break;
                }
                if names_manifest(view, record, &mut checked)? {
                    tags.push(tag);
                }
            }
            Ok(tags)
        })?;
        let has_more = tags.len() > count;
        tags.truncate(count);
        Ok(TagsPage { tags, has_more })
    }

    /// Returns all tags of a repository, sorted.
    pub(super) fn all_tags(
        &self,
        view: &RegistryView<'_>,
        repository: &RepositoryName,
    ) -> Result<Vec<OciTag>> {
        let (mut tags, mut checked) = (Vec::new(), HashMap::new());
        for (tag, record) in named_tags(view, repository)? {
            if names_manifest(view, record, &mut checked)? {
                tags.push(tag);
            }
        }
        Ok(tags)
    }
}

/// Returns the tags that modules have, each with `None`, and the recorded tags that have no module, each with the git blob of its manifest.
fn named_tags(
    view: &RegistryView<'_>,
    repository: &RepositoryName,
) -> Result<BTreeMap<OciTag, Option<ModuleHash>>> {
    let mut tags = BTreeMap::new();
    for (name, node) in view.modules(&directory(repository))? {
        tags.extend(tag_of_file(&name, &node).map(|(tag, _)| (tag, None)));
    }
    for path in outer_paths(repository) {
        if view.module(path.as_tree_path())?.is_some() {
            let outer = outer_tags(view.branch());
            tags.extend(outer.into_iter().map(|tag| (tag, None)));
        }
    }
    for (name, node) in view.records(&Records(repository).directory(TAGS))? {
        if let (Ok(tag), TreeNode::Module(manifest)) = (OciTag::parse(&name), node) {
            tags.entry(tag).or_insert(Some(manifest));
        }
    }
    Ok(tags)
}

/// Returns whether a tag of [`named_tags`] names a manifest. A tag that was pushed with a module names nothing once the module is removed.
/// `checked` has the results for manifests that were read before, because many tags may name the same manifest.
fn names_manifest(
    view: &RegistryView<'_>,
    record: Option<ModuleHash>,
    checked: &mut HashMap<ModuleHash, bool>,
) -> Result<bool> {
    let Some(hash) = record else {
        return Ok(true);
    };
    if let Some(checked) = checked.get(&hash) {
        return Ok(*checked);
    }
    let manifest: Option<Manifest> = serde_json::from_slice(&view.blob(hash)?).ok();
    let names_manifest = manifest.is_some_and(|manifest| manifest.module().is_none());
    checked.insert(hash, names_manifest);
    Ok(names_manifest)
}
