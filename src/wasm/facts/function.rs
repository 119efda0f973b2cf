//! The sizes of functions.

use serde::{Deserialize, Serialize};

use super::largest::SizedPart;
use super::symbol::{demangle, group_of};
use super::text::json_bytes;

/// The maximum size of the list of functions in the facts, in bytes of JSON.
pub(super) const FUNCTIONS_BYTES_MAX: usize = 320 << 10;
/// The length of the JSON of a function without its name, in bytes.
const FUNCTION_BYTES: usize = 80;

/// A function of a module, with its size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionSize {
    /// In a component, the number of the core module that defines the function. Core modules are numbered from 0, in their order in the
    /// binary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<u32>,
    /// The index of the function in its module; imported functions come first.
    pub index: u32,
    /// The name of the function in the name section, or else the first name under which the function is exported. A name of more than 1 KiB
    /// is cut, and ends with `…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The size of the function in the code section, in bytes. It includes the length field, the locals and the operators.
    pub size_bytes: u64,
}

impl FunctionSize {
    /// Returns the demangled name, if the name is a mangled symbol of Rust or C++.
    pub fn demangled_name(&self) -> Option<String> {
        self.name.as_deref().and_then(demangle)
    }

    /// Returns the crate (Rust) or the outermost namespace or class (C++) in which the function is defined, if the name contains one.
    pub fn group(&self) -> Option<&str> {
        self.name.as_deref().and_then(group_of)
    }
}

impl SizedPart for FunctionSize {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn json_bytes(&self) -> usize {
        FUNCTION_BYTES + json_bytes(self.name.as_deref().unwrap_or_default())
    }
}
