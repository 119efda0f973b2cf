//! The difference between two modules that the user named one by one, as JSON.

use serde::{Deserialize, Serialize};

use super::as_string::AsString;
use super::changes::HashUpdate;
use super::module_diff::ModuleDiffJson;
use crate::names::ModuleHash;
use crate::store::{ComparedModules, ModuleComparison, ModuleDiff};

/// The difference between two modules.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ComparedModules)]
pub struct ComparedModulesJson {
    hash: HashUpdate,
    #[serde(flatten)]
    #[schema(value_type = ModuleDiffJson)]
    module_diff: Option<ModuleDiffJson>,
    /// The reason why the two modules could not be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    not_compared: Option<String>,
}

impl From<&ComparedModules> for ComparedModulesJson {
    fn from(compared: &ComparedModules) -> Self {
        let (module_diff, not_compared) = match &compared.comparison {
            ModuleComparison::Compared(diff) => (Some(diff.into()), None),
            ModuleComparison::NotComparable(reason) => (None, Some(reason.clone())),
        };
        Self {
            hash: HashUpdate::new(compared.old, compared.new),
            module_diff,
            not_compared,
        }
    }
}

impl ComparedModulesJson {
    /// Returns the result of the comparison; `None` if the JSON does not list all differences.
    pub fn into_compared(self) -> Option<ComparedModules> {
        let (old, new) = self.hash.into_hashes();
        let comparison = match (self.module_diff, self.not_compared) {
            (_, Some(reason)) => ModuleComparison::NotComparable(reason),
            (Some(diff), None) => ModuleComparison::Compared(diff.into_diff()?),
            (None, None) => return None,
        };
        Some(ComparedModules {
            old,
            new,
            comparison,
        })
    }

    /// Removes differences until the remaining ones take at most about `bytes_max` bytes of JSON.
    pub fn cut(&mut self, bytes_max: usize) {
        if let Some(diff) = &mut self.module_diff {
            diff.cut(bytes_max);
        }
    }
}

/// The difference between two modules or files, as the command line prints it.
#[derive(Debug, Serialize)]
pub struct NamedModulesDiff<'n> {
    name: OldAndNew<&'n str>,
    hash: OldAndNew<Option<AsString<ModuleHash>>>,
    #[serde(flatten)]
    module_diff: Option<ModuleDiffJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_compared: Option<&'n str>,
}

#[derive(Debug, Serialize)]
struct OldAndNew<T> {
    old: T,
    new: T,
}

impl<'n> NamedModulesDiff<'n> {
    /// Combines the names of two modules, the hashes of those that are in the store, and the result of comparing the modules.
    pub fn new(
        (old, new): (&'n str, &'n str),
        (old_hash, new_hash): (Option<ModuleHash>, Option<ModuleHash>),
        comparison: &'n ModuleComparison,
    ) -> Self {
        let diff = |diff: &ModuleDiff| ModuleDiffJson::from(diff);
        let (module_diff, not_compared) = match comparison {
            ModuleComparison::Compared(compared) => (Some(diff(compared)), None),
            ModuleComparison::NotComparable(reason) => (None, Some(reason.as_str())),
        };
        Self {
            name: OldAndNew { old, new },
            hash: OldAndNew {
                old: old_hash.map(AsString),
                new: new_hash.map(AsString),
            },
            module_diff,
            not_compared,
        }
    }
}
