//! The decision whether a newer module can replace an older one.

use serde::{Deserialize, Serialize};
use wasmparser::Parser;

use super::reasons::{MODULES, Reasons};
use super::{component, core};
use crate::wasm::Error;

/// The decision whether a newer module can replace an older one, with the reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether the newer module can replace the older one.
    pub compatibility: Compatibility,
    /// The differences that break users of the older module, one sentence each. At most 100.
    pub breaking: Vec<String>,
    /// The differences that do not break users of the older module, one sentence each. At most 100.
    pub compatible: Vec<String>,
    /// The number of differences, breaking or compatible, that are not listed.
    pub left_out: usize,
}

/// Whether a newer module can replace an older one: it can be instantiated wherever the older one can, and its instances can be used
/// wherever instances of the older one can. Only types are compared, not the behavior of functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compatibility {
    /// The imports and exports of the two modules do not differ.
    Same,
    /// The imports or exports differ, but the newer module can replace the older one.
    Compatible,
    /// The newer module cannot replace the older one, or the types of one of them are not known.
    Breaking,
}

impl Verdict {
    /// Compares two valid modules.
    ///
    /// # Errors
    /// [`Error::Invalid`] if one of them is not a module.
    pub fn of(old: &[u8], new: &[u8]) -> Result<Self, Error> {
        let mut reasons = Reasons::new(MODULES);
        match (Parser::is_component(old), Parser::is_component(new)) {
            _ if old == new => {}
            (false, false) => core::compare(old, new, &mut reasons)?,
            (true, true) => component::compare(old, new, &mut reasons)?,
            (true, false) => {
                reasons
                    .breaking("the newer module is a core module, and the older one a component");
            }
            (false, true) => {
                reasons
                    .breaking("the newer module is a component, and the older one a core module");
            }
        }
        Ok(reasons.into_verdict())
    }
}

impl Compatibility {
    /// Returns the name: `same`, `compatible` or `breaking`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Compatible => "compatible",
            Self::Breaking => "breaking",
        }
    }
}
