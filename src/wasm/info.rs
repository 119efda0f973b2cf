//! What is known about a module.

use std::fmt;
use std::sync::Arc;

/// Describes a module or component.
///
/// The lists are bounded: `wasmparser` takes no more than 1,000,000 imports and as many exports, their names are at most as
/// long as the section they stand in (a module's name is shared between the imports that follow one another with it), and
/// how much of the custom sections is kept is said at their fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleInfo {
    /// Whether this is a core module or a component.
    pub kind: Kind,
    /// The length of the whole module in bytes.
    pub size_bytes: u64,
    /// The SHA-256 of the whole module.
    pub sha256: [u8; 32],
    /// What it imports, in order.
    pub imports: Vec<Import>,
    /// What it exports, in order.
    pub exports: Vec<Export>,
    /// The names of its custom sections in order, those of nested modules not among them. No more than the first 10,000,
    /// and of these no more than fit into 1 MiB.
    pub custom_sections: Vec<String>,
    /// The tools that made it: for each field (`language`, `processed-by`, `sdk`) the names and versions, from the
    /// [`producers`](https://github.com/WebAssembly/tool-conventions/blob/main/ProducersSection.md) section. Empty if there
    /// is none, or if it is malformed or over 64 KiB; the first one counts.
    pub producers: Producers,
}

/// Lists, for each field of a `producers` section, the names and versions of tools.
pub type Producers = Vec<(String, Vec<(String, String)>)>;

/// Tells core modules from components.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A core module.
    Module,
    /// A component of the component model.
    Component,
}

impl Kind {
    /// Gives the kind's name as it is printed: `module` or `component`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::Component => "component",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Names one thing that a module needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The module it is to come from; none for the imports of a component, which have one name only.
    pub module: Option<Arc<str>>,
    /// The name of the thing.
    pub name: String,
    /// What it is.
    pub kind: ItemKind,
}

/// Names one thing that a module offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The name of the thing.
    pub name: String,
    /// What it is.
    pub kind: ItemKind,
}

/// Says what is imported or exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ItemKind {
    /// A table, of a core module.
    Table,
    /// A memory, of a core module.
    Memory,
    /// A global, of a core module.
    Global,
    /// An exception's or a continuation's tag, of a core module.
    Tag,
    /// A function, of a core module or of a component.
    Func,
    /// A core module, of a component.
    Module,
    /// A value, of a component.
    Value,
    /// A type, of a component.
    Type,
    /// An instance, of a component.
    Instance,
    /// A component, of a component.
    Component,
}

impl ItemKind {
    /// Gives the kind's name as the text format spells it.
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
