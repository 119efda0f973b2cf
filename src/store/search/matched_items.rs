//! Finds the items of a module that match a search query.

use super::query::{Condition, Query};
use crate::index::{ItemEntry, ItemKind};
use crate::names::ModuleHash;
use crate::store::error::Result;
use crate::store::facts::items;
use crate::store::open::Store;

/// An item of a module that matches a term of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundItem {
    /// The kind of the item.
    pub kind: ItemKind,
    /// The name by which a search finds the item.
    pub name: String,
    /// The version; empty if there is none.
    pub version: String,
    /// The type as text; empty if there is none.
    pub ty: String,
}

impl From<ItemEntry> for FoundItem {
    fn from(item: ItemEntry) -> Self {
        Self {
            kind: item.kind,
            name: item.name,
            version: item.version,
            ty: item.ty,
        }
    }
}

impl Query {
    /// Returns whether a term of the query requires that the module has an item, such as an import or an export.
    pub fn asks_for_items(&self) -> bool {
        let mut terms = self.terms.iter();
        terms.any(|term| !term.is_negated && matches!(term.condition, Condition::Item(..)))
    }

    /// Returns the words for which the query searches in paths and descriptions.
    pub fn words(&self) -> Vec<&str> {
        let terms = self.terms.iter().filter(|term| !term.is_negated);
        let words = terms.filter_map(|term| match &term.condition {
            Condition::Words(words) => Some(words.as_str()),
            _ => None,
        });
        words.collect()
    }
}

impl Store {
    /// Returns at most `count` of the items of a module that match terms of a query, and the number of all matching items.
    ///
    /// # Errors
    /// The module cannot be read.
    pub fn found_items(
        &self,
        query: &Query,
        hash: ModuleHash,
        count: usize,
    ) -> Result<(Vec<FoundItem>, usize)> {
        if !query.asks_for_items() {
            return Ok((Vec::new(), 0));
        }
        let all = items(&self.facts_of(hash)?);
        let found: Vec<_> = all
            .into_iter()
            .filter(|item| query.asks_for(item))
            .collect();
        let total = found.len();
        let first = found.into_iter().take(count).map(FoundItem::from);
        Ok((first.collect(), total))
    }
}

impl Query {
    fn asks_for(&self, item: &ItemEntry) -> bool {
        self.terms.iter().any(|term| match &term.condition {
            Condition::Item(kind, pattern) if !term.is_negated => {
                *kind == item.kind && pattern.matches(&item.name, &item.version)
            }
            _ => false,
        })
    }
}
