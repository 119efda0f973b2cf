//! Lists the repositories of the registry.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::error::Result;
use super::registry::Registry;
use super::tag_path::repository_of;
use crate::names::{RepositoryName, TreePath};
use crate::store::{RegistryView, Revision, Store, TreeNode};

impl Registry {
    /// Returns at most `count` repositories, sorted, whose names sort after `after`, and whether there are more.
    ///
    /// # Errors
    /// The records or the default branch cannot be read.
    pub fn repositories(
        &self,
        store: &Store,
        after: Option<&str>,
        count: usize,
    ) -> Result<(Vec<RepositoryName>, bool)> {
        // Only the names of the page are held in memory, because a store may have a million modules.
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

    /// Returns the repositories that have records in `refs/oci/records`.
    pub(super) fn recorded(&self, view: &RegistryView<'_>) -> Result<BTreeSet<RepositoryName>> {
        let mut names = BTreeSet::new();
        add_recorded(view, &TreePath::root(), &mut names)?;
        Ok(names)
    }
}

/// The names on a page that starts after `after`, and one more, which shows whether there is another page.
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

/// The maximum number of directories that a search through all repositories reads.
const DIRECTORIES_MAX: usize = 10_000;

/// Calls `find` for each repository that has records, until it returns `Some`. Stops after [`DIRECTORIES_MAX`] directories, because any
/// client can cause such a search.
pub(super) fn find_recorded<T>(
    view: &RegistryView<'_>,
    mut find: impl FnMut(&RepositoryName) -> Result<Option<T>>,
) -> Result<Option<T>> {
    let (mut todo, mut searched) = (vec![TreePath::root()], 0);
    while let Some(directory) = todo.pop() {
        searched += 1;
        if searched > DIRECTORIES_MAX {
            break;
        }
        let mut has_records = false;
        for (name, node) in view.records(&directory)? {
            match node {
                TreeNode::Directory(_) if name.starts_with('_') => has_records = true,
                TreeNode::Directory(_) => todo.push(directory.join(&name)?),
                TreeNode::Module(_) | TreeNode::Foreign => {}
            }
        }
        if has_records
            && let Ok(repository) = RepositoryName::parse(directory.as_str())
            && let Some(found) = find(&repository)?
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Adds each repository that has records and whose name is this directory or is below it.
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
