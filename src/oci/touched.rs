//! Finds the repositories that differ between two states of the branches and the records.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Result;
use super::tag_path::{is_tag_file, without_suffix};
use crate::names::{RepositoryName, TreePath};
use crate::store::{RegistryView, TreeNode};

/// Returns the repositories that differ between the states `old` and `new`: in their records, or in their modules on a branch of `new`.
/// Returns `None` if more than `directories_max` directories would have to be read. A state has one view for each branch; all of them have
/// the same records.
pub(super) fn touched(
    old: &[RegistryView<'_>],
    new: &[RegistryView<'_>],
    directories_max: usize,
) -> Result<Option<BTreeSet<RepositoryName>>> {
    let mut difference = Difference {
        touched: BTreeSet::new(),
        left: directories_max,
    };
    let (Some(first), Some(records)) = (old.first(), new.first()) else {
        return Ok((old.is_empty() && new.is_empty()).then_some(difference.touched));
    };
    let listed = |view: &RegistryView<'_>, directory: &TreePath| Ok(view.records(directory)?);
    if !difference.records(&|it| listed(first, it), &|it| listed(records, it))? {
        return Ok(None);
    }
    let listed = |view: &RegistryView<'_>, directory: &TreePath| Ok(view.modules(directory)?);
    for view in new {
        // Deleted branches are not compared: they are no reason to keep a record. A new branch is compared with a branch that has the same
        // tree, or else with the first one, because a new branch is usually similar to another.
        let same_name = old.iter().find(|old| old.branch() == view.branch());
        let same_tree = old
            .iter()
            .find(|old| old.modules_root() == view.modules_root());
        let before = same_tree.or(same_name).unwrap_or(first);
        if before.modules_root() == view.modules_root() {
            continue;
        }
        if !difference.modules(&|it| listed(before, it), &|it| listed(view, it))? {
            return Ok(None);
        }
    }
    Ok(Some(difference.touched))
}

/// A function that lists a directory.
type List<'l> = dyn Fn(&TreePath) -> Result<Vec<(String, TreeNode)>> + 'l;

struct Difference {
    touched: BTreeSet<RepositoryName>,
    /// The number of directories that may still be read.
    left: usize,
}

impl Difference {
    /// Adds the repositories whose records differ between `old` and `new`. Returns false if too many directories would have to be read.
    fn records(&mut self, old: &List<'_>, new: &List<'_>) -> Result<bool> {
        self.walk(old, new, |touched, directory, name, _| {
            let is_repository = name.starts_with('_');
            if is_repository {
                touched.extend(RepositoryName::parse(directory.as_str()));
            }
            !is_repository
        })
    }

    /// Adds the repositories whose modules differ between `old` and `new`. Returns false if too many directories would have to be read.
    fn modules(&mut self, old: &List<'_>, new: &List<'_>) -> Result<bool> {
        self.walk(old, new, |touched, directory, name, is_file| {
            if is_file {
                if is_tag_file(name) {
                    touched.extend(RepositoryName::parse(directory.as_str()));
                }
                if let Ok(path) = directory.join(name) {
                    let path = path.as_str();
                    touched.extend(RepositoryName::parse(without_suffix(path)));
                    touched.extend(RepositoryName::parse(path));
                }
            }
            true
        })
    }

    /// Calls `visit` with the directory and name of each entry that differs, and with whether the entry is or was a file. Descends into a
    /// directory if `visit` returns true. Returns false if too many directories would have to be read.
    fn walk(
        &mut self,
        old: &List<'_>,
        new: &List<'_>,
        visit: impl Fn(&mut BTreeSet<RepositoryName>, &TreePath, &str, bool) -> bool,
    ) -> Result<bool> {
        let mut todo = vec![TreePath::root()];
        while let Some(directory) = todo.pop() {
            let Some(left) = self.left.checked_sub(1) else {
                return Ok(false);
            };
            self.left = left;
            let mut differing: BTreeMap<_, Vec<_>> = BTreeMap::new();
            let before: BTreeMap<_, _> = old(&directory)?.into_iter().collect();
            let mut after: BTreeMap<_, _> = new(&directory)?.into_iter().collect();
            for (name, node) in before {
                match after.remove(&name) {
                    Some(same) if same == node => {}
                    other => differing
                        .entry(name)
                        .or_default()
                        .extend(other.into_iter().chain([node])),
                }
            }
            for (name, node) in after {
                differing.entry(name).or_default().push(node);
            }
            for (name, nodes) in differing {
                let is_directory = |node: &TreeNode| matches!(node, TreeNode::Directory(_));
                let is_file = !nodes.iter().all(is_directory);
                let descends = visit(&mut self.touched, &directory, &name, is_file);
                if descends && nodes.iter().any(is_directory) {
                    todo.push(directory.join(&name)?);
                }
            }
        }
        Ok(true)
    }
}
