//! A list of modules.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text::Text;
use crate::names::{ModuleHash, ModulePath};

/// Modules as an object from path to hash, in the order given.
pub struct Modules<'m>(pub &'m [(ModulePath, ModuleHash)]);

impl Serialize for Modules<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(path, hash)| (Text(path), Text(hash))))
    }
}

/// The same as it was received, sorted by path.
pub struct ReceivedModules(pub Vec<(ModulePath, ModuleHash)>);

impl<'de> Deserialize<'de> for ReceivedModules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let modules = BTreeMap::<Text<ModulePath>, Text<ModuleHash>>::deserialize(deserializer)?;
        let modules = modules.into_iter().map(|(path, hash)| (path.0, hash.0));
        Ok(Self(modules.collect()))
    }
}
