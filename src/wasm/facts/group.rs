//! Adds up the sizes of functions by the crate or namespace that defines them.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::cut::{Cut, CutList};
use super::item::NAME_BYTES_MAX;
use super::symbol;
use super::text::{cut_text, json_bytes};

/// The maximum number of groups (crates or namespaces) that are collected.
const GROUPS_MAX: usize = 4096;
/// The maximum size of the list of groups (crates or namespaces) in the facts, in bytes of JSON.
const GROUPS_BYTES_MAX: usize = 64 << 10;
/// The length of the JSON of a group (a crate or namespace) without its name, in bytes.
const GROUP_BYTES: usize = 80;

/// The number and the total size of the functions of a crate or namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSize {
    /// The name of the crate (Rust) or of the outermost namespace or class (C++).
    pub name: String,
    /// The number of functions in the group.
    pub functions: u64,
    /// The total size of the functions in the group, in bytes.
    pub size_bytes: u64,
}

/// Adds up the sizes of functions by group: the crate or namespace to which a function belongs.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// The number and the total size of the functions, by the name of the group.
    groups: HashMap<String, (u64, u64)>,
}

impl Groups {
    /// Adds a function to its group. `symbol` is the name of the function, which contains the name of the group. After [`GROUPS_MAX`]
    /// groups, functions of further groups are ignored.
    pub(super) fn add(&mut self, symbol: &str, size_bytes: u64) {
        let Some(name) = symbol::group_of(symbol) else {
            return;
        };
        if let Some((functions, bytes)) = self.groups.get_mut(name) {
            *functions += 1;
            *bytes += size_bytes;
        } else if self.groups.len() < GROUPS_MAX && name.len() <= NAME_BYTES_MAX {
            self.groups.insert(name.to_owned(), (1, size_bytes));
        }
    }

    /// Returns the groups, the largest first.
    pub(super) fn finish(self) -> Cut<GroupSize> {
        let of = |(name, (functions, size_bytes))| GroupSize {
            name,
            functions,
            size_bytes,
        };
        let mut groups: Vec<_> = self.groups.into_iter().map(of).collect();
        groups.sort_by(|a, b| (b.size_bytes, &a.name).cmp(&(a.size_bytes, &b.name)));
        let mut list = CutList::new(GROUPS_BYTES_MAX);
        for mut group in groups {
            group.name = cut_text(&group.name, NAME_BYTES_MAX);
            let bytes = GROUP_BYTES + json_bytes(&group.name);
            list.push(group, bytes);
        }
        list.finish()
    }
}
