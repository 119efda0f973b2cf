//! Collects the functions of the core module that is being read, with their sizes and names.

use std::collections::btree_map::{BTreeMap, Entry};

use wasmparser::{ExternalKind, Payload, TypeRef};

use super::function::FunctionSize;
use super::group::Groups;
use super::item::NAME_BYTES_MAX;
use super::largest::{Largest, PARTS_MAX};
use super::name_section::{Name, NameSection};
use super::text::cut_text;
use crate::wasm::core_item::CoreItem;

/// The maximum number of exported functions whose names are collected.
const EXPORTED_FUNCTIONS_MAX: usize = 10_000;
/// Once the collected names of exported functions have this total length, in bytes, no further names are collected.
const EXPORTED_NAMES_BYTES_MAX: usize = 512 << 10;

/// The functions of the core module that is being read.
#[derive(Debug, Default)]
pub(super) struct CoreModule {
    /// The number of the module among the core modules of the component, from 0; `None` if the module is not in a component.
    number: Option<u32>,
    imported_functions: u32,
    /// The number of functions that the function section declares.
    declared_functions: u32,
    /// The sizes of the functions in order, in bytes. They fit into `u32`, because `wasmparser` limits a body to 7,654,321 bytes.
    sizes: Vec<u32>,
    /// The first name under which a function is exported, by the index of the function.
    exported_names: BTreeMap<u32, String>,
    exported_names_bytes: usize,
    /// The largest functions of the module, from which [`Facts::functions`](super::Facts::functions) is selected. `None` before the name
    /// section, and in a module without one.
    listed: Option<Vec<FunctionSize>>,
    names: Option<NameSection>,
    /// The name of the module, from the name section.
    name: Option<String>,
}

impl CoreModule {
    /// Creates a [`CoreModule`] without functions. `number` is the number of the module in its component; `None` if it is not in a
    /// component.
    pub(super) fn new(number: Option<u32>) -> Self {
        Self {
            number,
            ..Self::default()
        }
    }

    pub(super) fn number(&self) -> Option<u32> {
        self.number
    }

    /// Records the length of the next function's body, in bytes.
    pub(super) fn body(&mut self, bytes: usize) {
        self.sizes.push(bytes as u32);
    }

    /// Adds a payload of the module that is not a function body. The items in sections are passed to [`add`](Self::add).
    pub(super) fn payload(&mut self, payload: &Payload<'_>) {
        if let Payload::FunctionSection(section) = payload {
            self.declared_functions = section.count();
            // A name section before the function section is not valid, so its names are discarded.
            (self.names, self.listed) = (None, None);
        }
    }

    /// Adds an item of the module.
    pub(super) fn add(&mut self, item: &CoreItem<'_>) {
        match item {
            CoreItem::Import(import) => {
                if let TypeRef::Func(_) | TypeRef::FuncExact(_) = import.ty {
                    self.imported_functions += 1;
                }
            }
            CoreItem::Export(export) => {
                if let ExternalKind::Func | ExternalKind::FuncExact = export.kind {
                    self.exported(export.index, export.name);
                }
            }
            _ => {}
        }
    }

    fn exported(&mut self, index: u32, name: &str) {
        let is_full = self.exported_names.len() >= EXPORTED_FUNCTIONS_MAX
            || self.exported_names_bytes >= EXPORTED_NAMES_BYTES_MAX;
        if is_full {
            return;
        }
        if let Entry::Vacant(entry) = self.exported_names.entry(index) {
            let name = entry.insert(cut_text(name, NAME_BYTES_MAX));
            self.exported_names_bytes += name.len();
        }
    }

    /// Starts a name section, and returns whether its names are collected. Only the first name section after the code is read, as the
    /// [specification](https://webassembly.github.io/spec/core/appendix/custom.html#name-section) requires.
    pub(super) fn start_names(&mut self) -> bool {
        let has_all = self.sizes.len() == self.declared_functions as usize;
        let starts = self.names.is_none() && has_all;
        if starts {
            self.names = Some(NameSection::default());
            self.listed = Some(self.largest());
        }
        starts
    }

    /// Adds the next bytes of the name section.
    pub(super) fn names(&mut self, bytes: &[u8], groups: &mut Groups) {
        let Some(names) = &mut self.names else { return };
        let listed = self.listed.get_or_insert_default();
        names.feed(bytes, &mut |name| match name {
            Name::Module(name) => self.name = Some(cut_text(name, NAME_BYTES_MAX)),
            Name::Function(index, name) => {
                let position = index.checked_sub(self.imported_functions);
                let size = position.and_then(|position| self.sizes.get(position as usize));
                let Some(size_bytes) = size else { return };
                groups.add(name, u64::from(*size_bytes));
                if let Ok(found) = listed.binary_search_by_key(&index, |function| function.index) {
                    listed[found].name = Some(cut_text(name, NAME_BYTES_MAX));
                }
            }
        });
    }

    /// Returns the [`PARTS_MAX`] largest functions, sorted by index.
    fn largest(&self) -> Vec<FunctionSize> {
        let of = |(position, size_bytes): (usize, &u32)| FunctionSize {
            module: self.number,
            index: self.imported_functions + position as u32,
            name: None,
            size_bytes: u64::from(*size_bytes),
        };
        let Some(last) = self
            .sizes
            .len()
            .checked_sub(PARTS_MAX)
            .filter(|last| *last > 0)
        else {
            return self.sizes.iter().enumerate().map(of).collect();
        };
        let mut sorted = self.sizes.clone();
        let (_, smallest, larger) = sorted.select_nth_unstable(last);
        let larger = larger.iter().filter(|size| *size > smallest).count();
        // Not all functions with the size `smallest` may fit. The first ones are listed.
        let mut equal_left = PARTS_MAX - larger;
        let is_listed = |(_, size): &(usize, &u32)| match (*size).cmp(smallest) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => {
                equal_left > 0 && {
                    equal_left -= 1;
                    true
                }
            }
            std::cmp::Ordering::Less => false,
        };
        let sizes = self.sizes.iter().enumerate();
        sizes.filter(is_listed).map(of).collect()
    }

    /// Adds the functions of the module to `functions` and `groups`. Returns the name of the module. Called at the end of the module.
    pub(super) fn finish(
        mut self,
        functions: &mut Largest<FunctionSize>,
        groups: &mut Groups,
    ) -> Option<String> {
        if self.names.is_none() {
            for (index, name) in &self.exported_names {
                let position = index.checked_sub(self.imported_functions);
                let size = position.and_then(|position| self.sizes.get(position as usize));
                groups.add(name, size.map_or(0, |size| u64::from(*size)));
            }
        }
        let listed = self.listed.take().unwrap_or_else(|| self.largest());
        functions.count((self.sizes.len() - listed.len()) as u64);
        for mut function in listed {
            function.name = function
                .name
                .or_else(|| self.exported_names.remove(&function.index));
            functions.push(function);
        }
        self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_of_many_functions_are_listed_in_order() {
        let mut module = CoreModule::new(None);
        module.imported_functions = 7;
        let size = |position: usize| ((position * 7919) % 1000) as u32 / 10;
        module.sizes = (0..3 * PARTS_MAX).map(size).collect();
        let listed = module.largest();
        assert_eq!(listed.len(), PARTS_MAX);
        assert!(listed.windows(2).all(|pair| pair[0].index < pair[1].index));
        let mut expected: Vec<_> = module.sizes.iter().enumerate().collect();
        expected.sort_by_key(|(position, size)| (std::cmp::Reverse(**size), *position));
        let mut expected: Vec<_> = expected[..PARTS_MAX]
            .iter()
            .map(|(position, _)| *position as u32 + 7)
            .collect();
        expected.sort();
        let listed: Vec<_> = listed.iter().map(|function| function.index).collect();
        assert_eq!(listed, expected);
    }
}
