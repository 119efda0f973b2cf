//! The difference between two trees at one path, as JSON.

use serde::Serialize;

use super::as_string::AsString;
use super::changes::{Action, action};
use crate::names::ModulePath;
use crate::store::{Comparison, ItemChange, ModuleComparison, PathChange};

/// A path change; for an updated module also the differences between its old and its new version.
#[derive(Serialize)]
pub struct PathDiff<'d> {
    path: AsString<&'d ModulePath>,
    #[serde(flatten)]
    action: Option<Action>,
    #[serde(flatten)]
    module_diff: Option<ModuleDiff<'d>>,
    /// The reason why the two modules could not be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_compared: Option<&'d str>,
}

#[derive(Serialize)]
struct ModuleDiff<'d> {
    size: OldNew<u64>,
    kind: OldNew<&'static str>,
    imports: Vec<ImportDiff<'d>>,
    exports: Vec<ExportDiff<'d>>,
    custom_sections: NamesDiff<'d>,
    producers: Vec<ProducerDiff<'d>>,
}

#[derive(Serialize)]
struct OldNew<T> {
    old: T,
    new: T,
}

#[derive(Serialize)]
struct ImportDiff<'d> {
    /// The module to import from; for a component, the interface that the function or type belongs to.
    module: Option<&'d str>,
    name: &'d str,
    #[serde(flatten)]
    types: OldNew<Option<&'d str>>,
}

#[derive(Serialize)]
struct ExportDiff<'d> {
    /// The interface of a component that the function or type belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<&'d str>,
    name: &'d str,
    #[serde(flatten)]
    types: OldNew<Option<&'d str>>,
}

#[derive(Serialize)]
struct NamesDiff<'d> {
    added: Vec<&'d str>,
    removed: Vec<&'d str>,
}

#[derive(Serialize)]
struct ProducerDiff<'d> {
    field: Option<&'d str>,
    name: &'d str,
    #[serde(flatten)]
    versions: OldNew<Option<&'d str>>,
}

impl<'d> PathDiff<'d> {
    /// Combines a path change with the result of comparing its two modules, which is `Some` for an updated path.
    pub fn new(change: &'d PathChange, comparison: Option<&'d ModuleComparison>) -> Self {
        let (module_diff, not_compared) = match comparison {
            Some(ModuleComparison::Compared(comparison)) => {
                (Some(ModuleDiff::new(comparison)), None)
            }
            Some(ModuleComparison::NotComparable(reason)) => (None, Some(reason.as_str())),
            None => (None, None),
        };
        Self {
            path: AsString(&change.path),
            action: action(change),
            module_diff,
            not_compared,
        }
    }
}

impl<'d> ModuleDiff<'d> {
    fn new(comparison: &'d Comparison) -> Self {
        Self {
            size: OldNew {
                old: comparison.size_bytes.0,
                new: comparison.size_bytes.1,
            },
            kind: OldNew {
                old: comparison.kind.0.as_str(),
                new: comparison.kind.1.as_str(),
            },
            imports: comparison.imports.iter().map(ImportDiff::new).collect(),
            exports: comparison.exports.iter().map(ExportDiff::new).collect(),
            custom_sections: NamesDiff::new(&comparison.custom_sections),
            producers: comparison.producers.iter().map(ProducerDiff::new).collect(),
        }
    }
}

impl<'d> NamesDiff<'d> {
    fn new(changes: &'d [ItemChange]) -> Self {
        let names = |is_listed: fn(&ItemChange) -> bool| {
            let listed = changes.iter().filter(|change| is_listed(change));
            listed.map(|change| change.name.as_str()).collect()
        };
        Self {
            added: names(|change| change.old.is_none()),
            removed: names(|change| change.new.is_none()),
        }
    }
}

impl<'d> ImportDiff<'d> {
    fn new(change: &'d ItemChange) -> Self {
        Self {
            module: change.group.as_deref(),
            name: &change.name,
            types: old_new(change),
        }
    }
}

impl<'d> ExportDiff<'d> {
    fn new(change: &'d ItemChange) -> Self {
        Self {
            interface: change.group.as_deref(),
            name: &change.name,
            types: old_new(change),
        }
    }
}

impl<'d> ProducerDiff<'d> {
    fn new(change: &'d ItemChange) -> Self {
        Self {
            field: change.group.as_deref(),
            name: &change.name,
            versions: old_new(change),
        }
    }
}

fn old_new(change: &ItemChange) -> OldNew<Option<&str>> {
    OldNew {
        old: change.old.as_deref(),
        new: change.new.as_deref(),
    }
}
