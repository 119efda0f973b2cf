//! Lists the tags of a repository.

use std::collections::BTreeSet;

use super::error::{Error, Result};
use super::pull::{is_known, manifest_pushed_with};
use super::records::{Records, TAGS};
use super::registry::{Registry, directory};
use super::tag_path::{outer_paths, outer_tags, tag_of_file};
use crate::names::{OciTag, RepositoryName};
use crate::store::{RegistryView, Store};

/// A page of the tags of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagsPage {
    /// The tags, sorted by their bytes.
    pub tags: Vec<OciTag>,
    /// Whether there are more.
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
        let tags = store.read_registry(|view| {
            if !is_known(view, repository)? {
                return Err(Error::NameUnknown(repository.clone()));
            }
            self.all_tags(store, view, repository)
        })?;
        let is_after = |tag: &OciTag| after.is_none_or(|after| tag.as_str() > after);
        let mut tags: Vec<_> = tags.into_iter().filter(is_after).collect();
        let has_more = tags.len() > count;
        tags.truncate(count);
        Ok(TagsPage { tags, has_more })
    }

    /// Returns all tags of a repository, sorted.
    pub(super) fn all_tags(
        &self,
        store: &Store,
        view: &RegistryView<'_>,
        repository: &RepositoryName,
    ) -> Result<BTreeSet<OciTag>> {
        let mut tags = BTreeSet::new();
        for (name, node) in view.modules(&directory(repository))? {
            tags.extend(tag_of_file(&name, &node).map(|(tag, _)| tag));
        }
        for path in outer_paths(repository) {
            if view.module(path.as_tree_path())?.is_some() {
                tags.extend(outer_tags(&store.default_branch()?));
            }
        }
        for (name, _) in view.records(&Records(repository).directory(TAGS))? {
            let Ok(tag) = OciTag::parse(&name) else {
                continue;
            };
            // A tag that was pushed with a module names nothing once the module is removed.
            if !tags.contains(&tag) && is_without_module(view, repository, &tag)? {
                tags.insert(tag);
            }
        }
        Ok(tags)
    }
}

/// Returns whether a tag was pushed with a manifest that is not a module.
fn is_without_module(
    view: &RegistryView<'_>,
    repository: &RepositoryName,
    tag: &OciTag,
) -> Result<bool> {
    let manifest = manifest_pushed_with(view, repository, tag)?;
    Ok(manifest.is_some_and(|manifest| manifest.module().is_none()))
}
