//! Finds the functions and crates of a module that grew or shrank between two versions.

use std::collections::BTreeMap;

use super::error::Result;
use super::open::Store;
use crate::names::ModuleHash;
use crate::wasm::{Cut, Facts, FunctionSize};

/// A function, crate or namespace whose size differs between two versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartSizeChange {
    /// The name of the function, crate or namespace.
    pub name: String,
    /// The old size in bytes; `None` if the part is new.
    pub old: Option<u64>,
    /// The new size in bytes; `None` if the part was removed.
    pub new: Option<u64>,
}

/// The functions, crates and namespaces whose sizes differ between two modules, each list with the largest change first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SizeChanges {
    /// The functions by name. The sizes of functions with the same name are added up. Functions without a name are left out.
    pub functions: Vec<PartSizeChange>,
    /// The crates or namespaces. The size of each is the total size of its functions.
    pub groups: Vec<PartSizeChange>,
    /// Whether only the sizes of the largest functions are known, so that changes of smaller functions may be missing.
    pub is_cut: bool,
}

impl PartSizeChange {
    /// Returns the number of bytes by which the part grew; negative if it shrank.
    pub fn growth(&self) -> i64 {
        let bytes = |size: Option<u64>| i64::try_from(size.unwrap_or(0)).unwrap_or(i64::MAX);
        bytes(self.new).saturating_sub(bytes(self.old))
    }
}

impl Store {
    /// Compares the sizes of the functions, and of the crates or namespaces, of two modules. The caller has found the hashes in a tree or
    /// in a list of versions.
    ///
    /// # Errors
    /// A module cannot be read.
    pub fn size_changes(&self, old: ModuleHash, new: ModuleHash) -> Result<SizeChanges> {
        Ok(SizeChanges::of(
            &self.facts_of(old)?.facts,
            &self.facts_of(new)?.facts,
        ))
    }
}

impl SizeChanges {
    /// Compares the facts about two modules.
    pub fn of(old: &Facts, new: &Facts) -> Self {
        let groups = |facts: &Facts| -> BTreeMap<String, u64> {
            let groups = facts.groups.items.iter();
            groups
                .map(|group| (group.name.clone(), group.size_bytes))
                .collect()
        };
        Self {
            functions: changes(
                &by_name(&old.functions),
                &by_name(&new.functions),
                (old.functions.is_cut(), new.functions.is_cut()),
            ),
            groups: changes(
                &groups(old),
                &groups(new),
                (old.groups.is_cut(), new.groups.is_cut()),
            ),
            is_cut: old.functions.is_cut() || new.functions.is_cut(),
        }
    }
}

/// Adds up the sizes of functions with the same name in the source.
fn by_name(functions: &Cut<FunctionSize>) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for function in &functions.items {
        if let Some(name) = function.demangled_name().or_else(|| function.name.clone()) {
            *sums.entry(name).or_default() += function.size_bytes;
        }
    }
    sums
}

/// Returns the parts whose sizes differ. If a list is cut, it may lack parts that its module has. So leaves out parts that are missing in a
/// cut list.
fn changes(
    old: &BTreeMap<String, u64>,
    new: &BTreeMap<String, u64>,
    (old_is_cut, new_is_cut): (bool, bool),
) -> Vec<PartSizeChange> {
    let names = old
        .keys()
        .chain(new.keys().filter(|name| !old.contains_key(*name)));
    let mut changes = Vec::new();
    for name in names {
        let (before, after) = (old.get(name).copied(), new.get(name).copied());
        let is_unknown = before.is_none() && old_is_cut || after.is_none() && new_is_cut;
        if before != after && !is_unknown {
            changes.push(PartSizeChange {
                name: name.clone(),
                old: before,
                new: after,
            });
        }
    }
    changes.sort_by_key(|change| std::cmp::Reverse(change.growth().unsigned_abs()));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(parts: &[(&str, u64)]) -> BTreeMap<String, u64> {
        parts
            .iter()
            .map(|(name, size)| ((*name).to_owned(), *size))
            .collect()
    }

    #[test]
    fn the_largest_change_comes_first_and_unknown_parts_are_left_out() {
        let old = sizes(&[("same", 5), ("grew", 10), ("gone", 7)]);
        let new = sizes(&[("same", 5), ("grew", 12), ("new", 100)]);
        let found = |is_cut| {
            let changes = changes(&old, &new, is_cut);
            let growths = changes
                .iter()
                .map(|change| (change.name.clone(), change.growth()));
            growths.collect::<Vec<_>>()
        };
        let named = |name: &str, growth| (name.to_owned(), growth);
        assert_eq!(
            found((false, false)),
            [named("new", 100), named("gone", -7), named("grew", 2)]
        );
        assert_eq!(found((true, false)), [named("gone", -7), named("grew", 2)]);
        assert_eq!(found((true, true)), [named("grew", 2)]);
    }
}
