//! The facts about a module that a log filter needs.

use std::collections::BTreeMap;

use super::filter::ChangeFilter;
use super::matched::ItemState;
use crate::index::ItemKind;
use crate::store::facts::{ITEMS_MAX, ModuleFacts, WitResult, items};
use crate::wasm::{ModuleKind, WitSource};

/// The versions and types of the items that a filter selects. An item may have several: a core module may import the same name several
/// times.
pub(super) type ItemStates = BTreeMap<(ItemKind, String), Vec<ItemState>>;

/// The facts about a module that a [`ChangeFilter`] needs: its size, and the imports and exports that the filter selects.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    /// The size of the module, in bytes.
    pub size_bytes: u64,
    pub items: ItemStates,
    /// The reason why `items` may be incomplete; `None` if it is complete.
    pub unknown: Option<String>,
}

impl Summary {
    /// Returns the summary of the facts that `filter` needs.
    pub fn of(module: &ModuleFacts, filter: &ChangeFilter) -> Self {
        let mut summary = Self::of_size(module.facts.size_bytes);
        let all = items(module);
        summary.unknown = missing_items(module, all.len());
        for item in all {
            if filter.selects(item.kind, &item.name, &item.version) {
                let states = summary.items.entry((item.kind, item.name)).or_default();
                states.push(ItemState {
                    version: item.version,
                    ty: item.ty,
                });
            }
        }
        for states in summary.items.values_mut() {
            // The order of imports has no meaning, and the index stores equal imports only once.
            states.sort();
            states.dedup();
        }
        summary
    }

    /// Returns the summary of a module for a filter that needs only the size.
    pub fn of_size(size_bytes: u64) -> Self {
        Self {
            size_bytes,
            ..Self::default()
        }
    }

    /// Returns the summary of a module whose facts cannot be computed, for the given reason.
    pub fn unknown(size_bytes: u64, reason: String) -> Self {
        Self {
            size_bytes,
            unknown: Some(reason),
            ..Self::default()
        }
    }
}

/// Returns the reason why the list of a module's imports and exports is incomplete; `None` if it is complete. `count` is the length of the
/// list.
fn missing_items(module: &ModuleFacts, count: usize) -> Option<String> {
    let too_many =
        || Some("it has so many imports and exports that some of them are not known".to_owned());
    if count >= ITEMS_MAX {
        return too_many();
    }
    match &module.wit {
        WitResult::Decoded(wit) if wit.source != WitSource::Module => {
            if wit.left_out > 0 {
                too_many()
            } else {
                None
            }
        }
        WitResult::Absent(reason) if module.facts.kind == ModuleKind::Component => Some(format!(
            "the types of its imports and exports are not known: {reason}"
        )),
        _ if module.facts.imports.is_cut() || module.facts.exports.is_cut() => too_many(),
        _ => None,
    }
}
