//! Lists the repositories.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::error::Result;
use super::registry::Registry;
use super::tag_path::repository_of;
use crate::names::{RepositoryName, TreePath};
use crate::store::{RegistryView, Revision, Store, TreeNode};

impl Registry {
    /// Returns at most `count` repositories that sort after `after`, and whether there are more.
    ///
    /// # Errors
    /// The records or the default branch cannot be read.
    pub fn repositories(
        &self,
        store: &Store,
        after: Option<&str>,
        count: usize,
    ) -> Result<(Vec<RepositoryName>, bool)> {
        // Only the first names are kept, because a store may have a million modules.
        let mut first = FirstNames {
            names: BTreeSet::new(),
            after,
            count,
        };
        let recorded = store.read_registry(|view| self.recorded(view))?;
        recorded.into_iter().for_each(|name| first.add(name));
        let revision = Revision::Branch(Some(store.registry_branch()?));
        store.list_after(&revision, &TreePath::root(), None, |path, _| {
            if let Some((repository, _)) = repository_of(&path) {
                first.add(repository);
            }
            ControlFlow::Continue(())
        })?;
        let has_more = first.names.len() > count;
        Ok((first.names.into_iter().take(count).collect(), has_more))
    }

    /// Returns the repositories that have records.
    pub(super) fn recorded(&self, view: &RegistryView<'_>) -> Result<BTreeSet<RepositoryName>> {
        let mut names = BTreeSet::new();
        add_recorded(view, &TreePath::root(), &mut names)?;
        Ok(names)
    }
}

/// The first names after a name: one more than the page has.
struct FirstNames<'a> {
    names: BTreeSet<RepositoryName>,
    after: Option<&'a str>,
    count: usize,
}

impl FirstNames<'_> {
    fn add(&mut self, name: RepositoryName) {
        if self.after.is_none_or(|after| name.as_str() > after) {
            self.names.insert(name);
            if self.names.len() > self.count + 1 {
                self.names.pop_last();
            }
        }
    }
}

/// Adds the repositories that have records below a directory.
fn add_recorded(
    view: &RegistryView<'_>,
    directory: &TreePath,
    names: &mut BTreeSet<RepositoryName>,
) -> Result<()> {
    for (name, node) in view.records(directory)? {
        let TreeNode::Directory(_) = node else {
            continue;
        };
        if name.starts_with('_') {
            names.extend(RepositoryName::parse(directory.as_str()));
        } else {
            add_recorded(view, &directory.join(&name)?, names)?;
        }
    }
    Ok(())
}
