//! The conditions of a write for single paths.

use std::collections::{BTreeMap, BTreeSet};

use super::error::{Error, Result};
use crate::names::{ModuleHash, ModulePath};
use crate::repo::{Draft, TreeNode};

/// What must be at a path before a write. A path that already has the module to be written is always accepted: no change of another client
/// is lost, and a job that runs twice succeeds twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathCondition {
    /// There must be no module at the path.
    Absent,
    /// The module with this hash must be at the path.
    Module(ModuleHash),
}

/// The conditions of a write for single paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathConditions {
    /// Whether [`PathCondition::Absent`] applies to every path that is written and is not in `paths`.
    pub others_absent: bool,
    /// The conditions for single paths, by path.
    pub paths: BTreeMap<ModulePath, PathCondition>,
}

impl PathConditions {
    /// Returns the condition that no written path may have a module.
    pub fn all_absent() -> Self {
        Self {
            others_absent: true,
            ..Self::default()
        }
    }

    /// Returns a single condition, for `path` only.
    pub fn one(path: ModulePath, condition: PathCondition) -> Self {
        Self {
            paths: BTreeMap::from([(path, condition)]),
            ..Self::default()
        }
    }

    /// Checks that the write contains every path in `paths`. Otherwise the condition was probably meant for another path.
    ///
    /// # Errors
    /// [`Error::UnusedCondition`].
    pub(super) fn check_paths<'p>(
        &self,
        written: impl Iterator<Item = &'p ModulePath>,
    ) -> Result<()> {
        let mut unused: BTreeSet<_> = self.paths.keys().collect();
        for path in written {
            unused.remove(path);
        }
        match unused.first() {
            Some(path) => Err(Error::UnusedCondition(path.to_string())),
            None => Ok(()),
        }
    }

    /// Returns whether there are no conditions.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Checks the conditions of a write that puts `modules` at their paths. Compares them with the tip that the write replaces.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`] for the first path whose condition does not hold.
    pub(super) fn check(
        &self,
        draft: &Draft<'_>,
        modules: &[(ModulePath, ModuleHash)],
    ) -> Result<()> {
        let mut others: BTreeMap<_, _> = self.paths.iter().collect();
        for (path, hash) in modules {
            let expected = match others.remove(path) {
                Some(condition) => condition.expected(),
                None if self.others_absent => None,
                None => continue,
            };
            match draft.node(path.as_tree_path())? {
                Some(TreeNode::Module(current))
                    if expected != Some(current) && current != *hash =>
                {
                    return Err(failed(path, Some(TreeNode::Module(current))));
                }
                Some(TreeNode::Module(_)) => {}
                // If there is a directory at the path, the later step that puts the module reports a more specific error.
                node if expected.is_some() => return Err(failed(path, node)),
                _ => {}
            }
        }
        for (path, condition) in others {
            let node = draft.node(path.as_tree_path())?;
            if node != condition.expected().map(TreeNode::Module) {
                return Err(failed(path, node));
            }
        }
        Ok(())
    }
}

impl PathCondition {
    /// Returns the hash of the module that must be at the path; `None` if there must be no module.
    fn expected(self) -> Option<ModuleHash> {
        match self {
            Self::Module(hash) => Some(hash),
            Self::Absent => None,
        }
    }
}

fn failed(path: &ModulePath, node: Option<TreeNode>) -> Error {
    let current = match node {
        Some(TreeNode::Module(current)) => format!("the current value at {path} is {current}"),
        Some(TreeNode::Directory(_)) => format!("{path} is a directory"),
        Some(TreeNode::Foreign) | None => format!("nothing exists at {path}"),
    };
    Error::PreconditionFailed { current }
}
