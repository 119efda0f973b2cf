//! Information about a module.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Information about a module or component.
///
/// Each list has a limit, which is documented at its field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleInfo {
    /// Whether this is a core module or a component.
    pub kind: ModuleKind,
    /// The size of the module, in bytes.
    pub size_bytes: u64,
    /// The SHA-256 of the module.
    pub sha256: [u8; 32],
    /// The imports of the module, in their order in the binary.
    pub imports: Vec<Import>,
    /// The exports of the module, in their order in the binary.
    pub exports: Vec<Export>,
    /// `None` if the two lists are complete. The lists together have at most 4 MiB as JSON; if they are cut, this is the number of imports
    /// and exports of the module before the first one that did not fit. Pass it to [`inspect_after`](super::inspect_after) to get the next
    /// imports and exports.
    pub next: Option<usize>,
    /// The names of the module's custom sections in order, without the custom sections of nested modules. At most the first 10,000 names,
    /// and at most 1 MiB in total.
    pub custom_sections: Vec<String>,
    /// The tools that produced the module, from the first
    /// [`producers`](https://github.com/WebAssembly/tool-conventions/blob/main/ProducersSection.md) section: names and versions for each
    /// field (`language`, `processed-by`, `sdk`). Empty if there is no such section, or if it is malformed or longer than 64 KiB.
    pub producers: Producers,
}

/// The names and versions of tools, for each field of a `producers` section.
pub type Producers = Vec<(String, Vec<(String, String)>)>;

/// The kind of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModuleKind {
    /// A core module.
    Module,
    /// A component of the component model.
    Component,
}

impl ModuleKind {
    /// Returns the name of the kind: `module` or `component`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::Component => "component",
        }
    }

    /// Returns the kind with the name `name`; `None` if there is no such kind.
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Module, Self::Component];
        all.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for ModuleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An import of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The name of the module from which the item is imported; `None` in a component, because an import of a component has only one name.
    pub module: Option<Arc<str>>,
    /// The name of the imported item.
    pub name: String,
    /// The kind of the item.
    pub kind: ItemKind,
}

/// An export of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The name of the item.
    pub name: String,
    /// The kind of the item.
    pub kind: ItemKind,
}

/// The kind of an imported or exported item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ItemKind {
    /// A table of a core module.
    Table,
    /// A memory of a core module.
    Memory,
    /// A global of a core module.
    Global,
    /// A tag of a core module, for exceptions or continuations.
    Tag,
    /// A function of a core module or a component.
    Func,
    /// A core module in a component.
    Module,
    /// A value of a component.
    Value,
    /// A type of a component.
    Type,
    /// An instance of a component.
    Instance,
    /// A component in a component.
    Component,
}

impl ItemKind {
    /// Returns the name of the kind in the text format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Memory => "memory",
            Self::Global => "global",
            Self::Tag => "tag",
            Self::Func => "func",
            Self::Module => "module",
            Self::Value => "value",
            Self::Type => "type",
            Self::Instance => "instance",
            Self::Component => "component",
        }
    }
}

impl fmt::Display for ItemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
