//! The conditions of a write that puts several modules at their paths.

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

/// The conditions of a write to several paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathConditions {
    /// Whether the condition of all paths that are not in `paths` is [`PathCondition::Absent`].
    pub others_absent: bool,
    /// The conditions of single paths.
    pub paths: BTreeMap<ModulePath, PathCondition>,
}

impl PathConditions {
    /// Returns conditions that require that no path has a module.
    pub fn all_absent() -> Self {
        Self {
            others_absent: true,
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

    /// Checks the conditions against `draft`, which starts at the tip that the write replaces.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`] for the first path whose condition does not hold.
    pub(super) fn check(
        &self,
        draft: &Draft<'_>,
        modules: &[(ModulePath, ModuleHash)],
    ) -> Result<()> {
        for (path, hash) in modules {
            let expected = match self.paths.get(path) {
                Some(PathCondition::Module(hash)) => Some(*hash),
                Some(PathCondition::Absent) => None,
                None if self.others_absent => None,
                None => continue,
            };
            let current = match draft.node(path.as_tree_path())? {
                Some(TreeNode::Module(current)) => Some(current),
                _ => None,
            };
            if current != expected && current != Some(*hash) {
                let current = match current {
                    Some(current) => format!("the current value at {path} is {current}"),
                    None => format!("nothing exists at {path}"),
                };
                return Err(Error::PreconditionFailed { current });
            }
        }
        Ok(())
    }
}
