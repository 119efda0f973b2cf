//! Modules that were checked against a WIT world, as JSON.

use serde::{Deserialize, Serialize};

use super::as_string::AsString;
use super::schema::HashSchema;
use crate::names::{ModuleHash, ModulePath};
use crate::store::WorldCheck;

/// A module that was checked against a WIT world.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = WorldCheck)]
pub struct WorldCheckJson {
    /// The path of the module.
    #[schema(value_type = String)]
    pub path: AsString<ModulePath>,
    /// The module's hash.
    #[schema(value_type = HashSchema)]
    pub hash: AsString<ModuleHash>,
    /// The reasons why the module does not fit the world, one sentence each; empty if it fits.
    pub reasons: Vec<String>,
}

impl From<WorldCheck> for WorldCheckJson {
    fn from(check: WorldCheck) -> Self {
        Self {
            path: AsString(check.path),
            hash: AsString(check.hash),
            reasons: check.reasons,
        }
    }
}

impl From<WorldCheckJson> for WorldCheck {
    fn from(check: WorldCheckJson) -> Self {
        Self {
            path: check.path.0,
            hash: check.hash.0,
            reasons: check.reasons,
        }
    }
}
