//! Expresses the required features of a module as a version of the WebAssembly standard and proposals.

use serde::{Deserialize, Serialize};
use wasmparser::WasmFeatures;

use super::types::TYPED_REFERENCE;

/// The features that a module requires of an engine.
///
/// `standard` is the lowest version of the standard that contains all standardized features that the module uses. The module is valid with
/// WebAssembly 1.0 and the proposals in `included` and `proposals`. It is invalid if any of these proposals is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirements {
    /// The lowest version of the standard that contains all standardized features that the module uses.
    pub standard: Standard,
    /// The proposals that the module uses and that `standard` contains, sorted by name; empty for version 1.0.
    pub included: Vec<String>,
    /// The proposals that the module uses and that `standard` does not contain, sorted by name.
    pub proposals: Vec<String>,
}

/// A version of the [WebAssembly standard](https://webassembly.org/specs/).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Standard {
    /// WebAssembly 1.0, of 2019. It contains the proposal for mutable globals.
    #[serde(rename = "1.0")]
    V1,
    /// WebAssembly 2.0, of 2022.
    #[serde(rename = "2.0")]
    V2,
    /// WebAssembly 3.0, of 2025. It does not contain threads.
    #[serde(rename = "3.0")]
    V3,
}

impl Standard {
    /// Returns the number of the version: `1.0`, `2.0` or `3.0`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "1.0",
            Self::V2 => "2.0",
            Self::V3 => "3.0",
        }
    }

    /// Returns the features of the version. `wasmparser` includes threads in version 3.0, but the standard was published without them.
    fn features(self) -> WasmFeatures {
        match self {
            Self::V1 => WasmFeatures::WASM1,
            Self::V2 => WasmFeatures::WASM2,
            Self::V3 => WasmFeatures::WASM3.difference(WasmFeatures::THREADS),
        }
    }
}

/// The flags of `wasmparser` for parts of proposals. They are not listed, because the whole proposals are listed.
const PARTS: WasmFeatures =
    WasmFeatures::CALL_INDIRECT_OVERLONG.union(WasmFeatures::BULK_MEMORY_OPT);

impl Requirements {
    /// Returns the requirements of a module that uses the features `used`.
    pub(in crate::wasm) fn of(mut used: WasmFeatures) -> Self {
        // A reference to a type by its index requires `function-references` or `gc`.
        if used.contains(TYPED_REFERENCE) && !used.gc() {
            used |= WasmFeatures::FUNCTION_REFERENCES;
        }
        let standardized = used & Standard::V3.features();
        let standard = [Standard::V1, Standard::V2]
            .into_iter()
            .find(|standard| standard.features().contains(standardized));
        let standard = standard.unwrap_or(Standard::V3);
        let beyond_first = used - Standard::V1.features();
        Self {
            standard,
            included: names(beyond_first & standard.features()),
            proposals: names(beyond_first - standard.features()),
        }
    }
}

/// Returns everything that a module can require: the versions of the standard, and the names of the proposals beyond version 1.0.
pub fn requirement_names() -> Vec<String> {
    let standards = [Standard::V1, Standard::V2, Standard::V3];
    let standards = standards.map(|standard| standard.as_str().to_owned());
    let proposals = names(WasmFeatures::all() - Standard::V1.features());
    standards.into_iter().chain(proposals).collect()
}

/// Returns the names of the proposals in `features`, in the form that `wasm-tools` uses, sorted.
fn names(features: WasmFeatures) -> Vec<String> {
    let named = features.iter_names();
    let named = named.filter(|(_, flag)| !PARTS.contains(*flag));
    let mut names: Vec<_> = named
        .map(|(name, _)| name.to_lowercase().replace('_', "-"))
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(used: WasmFeatures) -> (&'static str, String, String) {
        let requirements = Requirements::of(used);
        let list = |names: &[String]| names.join(" ");
        (
            requirements.standard.as_str(),
            list(&requirements.included),
            list(&requirements.proposals),
        )
    }

    #[test]
    fn the_smallest_standard_is_found() {
        use WasmFeatures as F;
        let text = |standard, included: &str, proposals: &str| {
            (standard, included.to_owned(), proposals.to_owned())
        };
        assert_eq!(of(F::empty()), text("1.0", "", ""));
        assert_eq!(of(F::THREADS), text("1.0", "", "threads"));
        assert_eq!(
            of(F::SIMD | F::REFERENCE_TYPES | F::BULK_MEMORY | F::THREADS),
            text("2.0", "bulk-memory reference-types simd", "threads")
        );
        assert_eq!(
            of(F::TAIL_CALL | F::MULTI_VALUE | F::COMPONENT_MODEL),
            text("3.0", "multi-value tail-call", "component-model")
        );
        assert_eq!(of(TYPED_REFERENCE), text("3.0", "function-references", ""));
        assert_eq!(of(TYPED_REFERENCE | F::GC), text("3.0", "gc", ""));
    }
}
