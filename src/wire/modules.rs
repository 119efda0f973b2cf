//! A list of modules.

use serde::{Serialize, Serializer};

use super::text::Text;
use crate::names::{ModuleHash, ModulePath};

/// Modules as an object from path to hash, in the order given.
pub struct Modules<'m>(pub &'m [(ModulePath, ModuleHash)]);

impl Serialize for Modules<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(path, hash)| (Text(path), Text(hash))))
    }
}
