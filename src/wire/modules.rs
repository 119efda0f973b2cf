//! A list of modules, as JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::as_string::AsString;
use crate::names::{ModuleHash, ModulePath};

/// Modules, serialized in the given order as a JSON object that maps each path to a hash.
pub struct Modules<'m>(pub &'m [(ModulePath, ModuleHash)]);

impl Serialize for Modules<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.0
                .iter()
                .map(|(path, hash)| (AsString(path), AsString(hash))),
        )
    }
}

/// Modules parsed from a server's JSON, sorted by path.
pub struct ReceivedModules(pub Vec<(ModulePath, ModuleHash)>);

impl<'de> Deserialize<'de> for ReceivedModules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let modules =
            BTreeMap::<AsString<ModulePath>, AsString<ModuleHash>>::deserialize(deserializer)?;
        let modules = modules.into_iter().map(|(path, hash)| (path.0, hash.0));
        Ok(Self(modules.collect()))
    }
}
