//! What differs between two trees at one path.

use serde::Serialize;

use super::changes::{Action, action};
use super::text::Text;
use crate::names::ModulePath;
use crate::store::{Comparison, ItemChange, ModuleComparison, PathChange};

/// What became of a path, and of an updated one how the two modules differ.
#[derive(Serialize)]
pub struct Difference<'d> {
    path: Text<&'d ModulePath>,
    #[serde(flatten)]
    action: Option<Action>,
    #[serde(flatten)]
    compared: Option<Compared<'d>>,
    /// Why the two could not be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_compared: Option<&'d str>,
}

#[derive(Serialize)]
struct Compared<'d> {
    size: Both<u64>,
    kind: Both<&'static str>,
    imports: Vec<Import<'d>>,
    exports: Vec<Export<'d>>,
    custom_sections: Names<'d>,
    producers: Vec<Producer<'d>>,
}

#[derive(Serialize)]
struct Both<T> {
    old: T,
    new: T,
}

#[derive(Serialize)]
struct Import<'d> {
    module: Option<&'d str>,
    name: &'d str,
    #[serde(flatten)]
    types: Both<Option<&'d str>>,
}

#[derive(Serialize)]
struct Export<'d> {
    name: &'d str,
    #[serde(flatten)]
    types: Both<Option<&'d str>>,
}

#[derive(Serialize)]
struct Names<'d> {
    added: Vec<&'d str>,
    removed: Vec<&'d str>,
}

#[derive(Serialize)]
struct Producer<'d> {
    field: Option<&'d str>,
    name: &'d str,
    #[serde(flatten)]
    versions: Both<Option<&'d str>>,
}

impl<'d> Difference<'d> {
    /// A change, and for an updated path the result of comparing its two modules.
    pub fn new(change: &'d PathChange, comparison: Option<&'d ModuleComparison>) -> Self {
        let (compared, not_compared) = match comparison {
            Some(ModuleComparison::Compared(comparison)) => (Some(comparison), None),
            Some(ModuleComparison::NotComparable(reason)) => (None, Some(reason.as_str())),
            None => (None, None),
        };
        Self {
            path: Text(&change.path),
            action: action(change),
            compared: compared.map(Compared::new),
            not_compared,
        }
    }
}

impl<'d> Compared<'d> {
    fn new(compared: &'d Comparison) -> Self {
        let sections = &compared.custom_sections;
        let name = |change: &'d ItemChange| change.name.as_str();
        Self {
            size: Both {
                old: compared.size_bytes.0,
                new: compared.size_bytes.1,
            },
            kind: Both {
                old: compared.kind.0.as_str(),
                new: compared.kind.1.as_str(),
            },
            imports: compared.imports.iter().map(Import::new).collect(),
            exports: compared.exports.iter().map(Export::new).collect(),
            custom_sections: Names {
                added: sections
                    .iter()
                    .filter(|s| s.old.is_none())
                    .map(name)
                    .collect(),
                removed: sections
                    .iter()
                    .filter(|s| s.new.is_none())
                    .map(name)
                    .collect(),
            },
            producers: compared.producers.iter().map(Producer::new).collect(),
        }
    }
}

impl<'d> Import<'d> {
    fn new(change: &'d ItemChange) -> Self {
        Self {
            module: change.group.as_deref(),
            name: &change.name,
            types: both(change),
        }
    }
}

impl<'d> Export<'d> {
    fn new(change: &'d ItemChange) -> Self {
        Self {
            name: &change.name,
            types: both(change),
        }
    }
}

impl<'d> Producer<'d> {
    fn new(change: &'d ItemChange) -> Self {
        Self {
            field: change.group.as_deref(),
            name: &change.name,
            versions: both(change),
        }
    }
}

fn both(change: &ItemChange) -> Both<Option<&str>> {
    Both {
        old: change.old.as_deref(),
        new: change.new.as_deref(),
    }
}
