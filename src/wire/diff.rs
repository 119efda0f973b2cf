//! The difference between two trees at one path, as JSON.

use serde::{Deserialize, Serialize};

use super::as_string::AsString;
use super::changes::{Action, action, hashes};
use super::module_diff::ModuleDiffJson;
use crate::names::ModulePath;
use crate::store::{ModuleComparison, PathChange};

/// A path whose module differs between two trees. For an updated module, it may also have the differences between the old and the new
/// module.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = PathDiff)]
pub struct PathDiff {
    /// The path of the module.
    #[schema(value_type = String)]
    path: AsString<ModulePath>,
    #[serde(flatten)]
    action: Action,
    #[serde(flatten)]
    #[schema(value_type = ModuleDiffJson)]
    module_diff: Option<ModuleDiffJson>,
    /// The reason why the two modules could not be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    not_compared: Option<String>,
}

impl PathDiff {
    /// Combines a path change with the result of comparing its two modules, if they were compared. `None` if the path has a module neither
    /// before nor after the change.
    pub fn new(change: &PathChange, comparison: Option<&ModuleComparison>) -> Option<Self> {
        let (module_diff, not_compared) = match comparison {
            Some(ModuleComparison::Compared(diff)) => (Some(diff.into()), None),
            Some(ModuleComparison::NotComparable(reason)) => (None, Some(reason.clone())),
            None => (None, None),
        };
        Some(Self {
            path: AsString(change.path.clone()),
            action: action(change)?,
            module_diff,
            not_compared,
        })
    }

    /// Returns the changed path, with the hash of the module before and after the change.
    pub fn change(&self) -> PathChange {
        let (old, new) = hashes(&self.action);
        PathChange {
            path: self.path.0.clone(),
            old,
            new,
        }
    }

    /// Returns the result of comparing the two modules; `None` if they were not compared, or if the JSON does not list all differences.
    pub fn into_comparison(self) -> Option<ModuleComparison> {
        match (self.module_diff, self.not_compared) {
            (_, Some(reason)) => Some(ModuleComparison::NotComparable(reason)),
            (Some(diff), None) => diff.into_diff().map(ModuleComparison::Compared),
            (None, None) => None,
        }
    }

    /// Removes differences until the remaining ones take at most about `bytes_max` bytes of JSON.
    pub fn cut(&mut self, bytes_max: usize) {
        if let Some(diff) = &mut self.module_diff {
            diff.cut(bytes_max);
        }
    }
}
