//! Computes the differences between two modules.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::compare_wit::{member_differences, set_types};
use super::section_sums::{SectionChange, SectionSums, changed_sums, section_sums};
use super::types::{self, ItemTypes};
use super::wit::WitWorld;
use super::{Error, ModuleInfo, ModuleKind, inspect};

/// The properties of a module that are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    kind: ModuleKind,
    size_bytes: u64,
    imports: Vec<Item>,
    exports: Vec<Item>,
    custom_sections: Vec<Item>,
    producers: Vec<Item>,
    sections: SectionSums,
    /// The imports and exports of a component with their WIT types; `None` for a core module, or if WIT cannot express the types.
    wit: Option<WitWorld>,
}

/// The differences between two modules. Each list is sorted and contains only items that differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The kinds of the old and the new module.
    pub kind: (ModuleKind, ModuleKind),
    /// The sizes of the old and the new module, in bytes.
    pub size_bytes: (u64, u64),
    /// The imports that differ. Of a core module, these are imports with their types; the `group` of each is the module that it is imported
    /// from.
    ///
    /// Of a component, these are functions and types with their WIT; the `group` of each is its interface. An interface that was added or
    /// removed as a whole is listed as an `instance`. If a component's WIT cannot be derived, its imports are listed with their kinds only,
    /// such as `func` or `instance`.
    pub imports: Vec<ItemChange>,
    /// The exports that differ, with their types. The exports of a core module have no group. For a component, the list is like
    /// [`imports`](Self::imports).
    pub exports: Vec<ItemChange>,
    /// The names of custom sections that were added or removed. If a section was added, `old` is `None` and `new` is an empty text; if it
    /// was removed, `old` is an empty text and `new` is `None`.
    pub custom_sections: Vec<ItemChange>,
    /// The producers that differ, with their versions. The group is the field (`language`, `processed-by` or `sdk`).
    pub producers: Vec<ItemChange>,
    /// The sizes of sections that differ. The sizes of sections with the same kind and name are added up.
    pub sections: Vec<SectionChange>,
}

/// A named item (import, export, custom section or producer) that differs between the modules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemChange {
    /// The group of the item: the module of an import, the interface of a function or type, or the field of a producer. See the fields of
    /// [`Comparison`].
    pub group: Option<Arc<str>>,
    /// The name of the item.
    pub name: String,
    /// The old type or version; `None` if the old module does not have the item.
    pub old: Option<Arc<str>>,
    /// The new type or version; `None` if the new module does not have the item.
    pub new: Option<Arc<str>>,
}

/// An item: its group, its name, and its type or version as text.
pub(super) type Item = (Option<Arc<str>>, String, Arc<str>);

impl Interface {
    /// Reads the properties of a module that was validated before.
    ///
    /// # Errors
    /// The errors of [`inspect`].
    pub fn of(bytes: &[u8]) -> Result<Self, Error> {
        let info = inspect(bytes)?;
        let types = match info.kind {
            ModuleKind::Module => types::read(bytes)?,
            ModuleKind::Component => ItemTypes::default(),
        };
        let wit = match info.kind {
            ModuleKind::Module => None,
            ModuleKind::Component => WitWorld::of(bytes).ok(),
        };
        let mut interface = Self::new(info, &types);
        if let Some(wit) = &wit {
            set_types(&mut interface.imports, &wit.imports);
            set_types(&mut interface.exports, &wit.exports);
        }
        Ok(Self {
            wit,
            sections: section_sums(bytes)?,
            ..interface
        })
    }

    fn new(info: ModuleInfo, types: &ItemTypes) -> Self {
        let type_or_kind = |types: &[Arc<str>], nth: usize, kind: &'static str| match types.get(nth)
        {
            Some(ty) => Arc::clone(ty),
            None => kind.into(),
        };
        let imports = info.imports.into_iter().enumerate();
        let exports = info.exports.into_iter().enumerate();
        let empty: Arc<str> = "".into();
        let custom_sections = info.custom_sections.into_iter();
        let mut producers = Vec::new();
        for (field, tools) in info.producers {
            let field: Arc<str> = field.into();
            let tools = tools.into_iter();
            producers
                .extend(tools.map(|(name, version)| (Some(field.clone()), name, version.into())));
        }
        Self {
            kind: info.kind,
            size_bytes: info.size_bytes,
            imports: imports
                .map(|(nth, import)| {
                    let ty = type_or_kind(&types.imports, nth, import.kind.as_str());
                    (import.module, import.name, ty)
                })
                .collect(),
            exports: exports
                .map(|(nth, export)| {
                    let ty = type_or_kind(&types.exports, nth, export.kind.as_str());
                    (None, export.name, ty)
                })
                .collect(),
            custom_sections: custom_sections
                .map(|name| (None, name, empty.clone()))
                .collect(),
            producers,
            sections: SectionSums::new(),
            wit: None,
        }
    }
}

impl Comparison {
    /// Returns the differences between two modules.
    pub fn of(old: &Interface, new: &Interface) -> Self {
        let mut imports = differences(&old.imports, &new.imports);
        let mut exports = differences(&old.exports, &new.exports);
        if let (Some(old), Some(new)) = (&old.wit, &new.wit) {
            imports.extend(member_differences(&old.imports, &new.imports));
            exports.extend(member_differences(&old.exports, &new.exports));
        }
        Self {
            kind: (old.kind, new.kind),
            size_bytes: (old.size_bytes, new.size_bytes),
            imports,
            exports,
            custom_sections: differences(&old.custom_sections, &new.custom_sections),
            producers: differences(&old.producers, &new.producers),
            sections: changed_sums(&old.sections, &new.sections),
        }
    }
}

/// Returns the differences between two lists in which a name may occur several times. Items that have the same group, name and text in both
/// lists cancel each other out. The remaining items with the same group and name are paired in order: the first old item with the first new
/// item, and so on.
pub(super) fn differences(old: &[Item], new: &[Item]) -> Vec<ItemChange> {
    let mut surplus = BTreeMap::<&Item, isize>::new();
    for item in old {
        *surplus.entry(item).or_default() += 1;
    }
    for item in new {
        *surplus.entry(item).or_default() -= 1;
    }
    type OldAndNew<'i> = (Vec<&'i Arc<str>>, Vec<&'i Arc<str>>);
    let mut named = BTreeMap::<(&Option<Arc<str>>, &String), OldAndNew<'_>>::new();
    for ((group, name, text), count) in surplus.into_iter().filter(|(_, count)| *count != 0) {
        let (old, new) = named.entry((group, name)).or_default();
        let side = if count > 0 { old } else { new };
        side.extend(std::iter::repeat_n(text, count.unsigned_abs()));
    }
    let mut changes = Vec::new();
    for ((group, name), (old, new)) in named {
        for nth in 0..old.len().max(new.len()) {
            let side = |side: &[&Arc<str>]| side.get(nth).copied().cloned();
            changes.push(ItemChange {
                group: group.clone(),
                name: name.clone(),
                old: side(&old),
                new: side(&new),
            });
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(old: &str, new: &str) -> Comparison {
        let interface = |text| Interface::of(&wat::parse_str(text).unwrap()).unwrap();
        Comparison::of(&interface(old), &interface(new))
    }

    /// Returns the changes as `group.name: old > new`.
    fn formatted(changes: &[ItemChange]) -> Vec<String> {
        let side = |side: &Option<Arc<str>>| side.as_deref().unwrap_or("nothing").to_owned();
        let line = |change: &ItemChange| {
            let group = change.group.as_deref().map(|group| format!("{group}."));
            let name = format!("{}{}", group.unwrap_or_default(), change.name);
            format!("{name}: {} > {}", side(&change.old), side(&change.new))
        };
        changes.iter().map(line).collect()
    }

    #[test]
    fn equal_modules_do_not_differ() {
        let text = r#"(module (import "a" "b" (func)) (memory (export "m") 1) (@custom "c" ""))"#;
        let same = compared(text, text);
        let lists = [
            same.imports,
            same.exports,
            same.custom_sections,
            same.producers,
        ];
        assert_eq!(lists, [const { Vec::new() }; 4]);
        assert_eq!(same.size_bytes.0, same.size_bytes.1);
    }

    #[test]
    fn imports_and_exports_are_compared_with_their_types() {
        let differ = compared(
            r#"(module (import "e" "gone" (func)) (import "e" "f" (func (param i32)))
                (func (export "f") (param i32) (result i32) local.get 0) (global (export "g") i32 (i32.const 1))
                (memory (export "m") 1))"#,
            r#"(module (import "e" "f" (func (param i64))) (import "x" "t" (table 1 2 funcref))
                (func (export "f") (result i64) i64.const 1) (global (export "g") (mut i32) (i32.const 1))
                (memory (export "m") 1 4) (tag (export "t") (param f32)))"#,
        );
        assert_eq!(
            formatted(&differ.imports),
            [
                "e.f: (func (param i32)) > (func (param i64))",
                "e.gone: (func) > nothing",
                "x.t: nothing > (table 1 2 funcref)",
            ]
        );
        assert_eq!(
            formatted(&differ.exports),
            [
                "f: (func (param i32) (result i32)) > (func (result i64))",
                "g: (global i32) > (global (mut i32))",
                "m: (memory 1) > (memory 1 4)",
                "t: nothing > (tag (param f32))",
            ]
        );
    }

    #[test]
    fn an_item_imported_twice_counts_twice() {
        let once = r#"(module (import "a" "b" (func)))"#;
        let twice = r#"(module (import "a" "b" (func)) (import "a" "b" (func)))"#;
        let as_both = r#"(module (import "a" "b" (global i32)) (import "a" "b" (func)))"#;
        assert_eq!(
            formatted(&compared(once, twice).imports),
            ["a.b: nothing > (func)"]
        );
        assert_eq!(
            formatted(&compared(twice, once).imports),
            ["a.b: (func) > nothing"]
        );
        assert_eq!(
            formatted(&compared(twice, as_both).imports),
            ["a.b: (func) > (global i32)"]
        );
    }

    #[test]
    fn kind_size_sections_and_producers_are_compared() {
        let differ = compared(
            r#"(module (@producers (language "Rust" "1.80") (sdk "a" "1")) (@custom "old" ""))"#,
            r#"(component (import "i" (func)) (@producers (language "Rust" "1.90")) (@custom "new" ""))"#,
        );
        assert_eq!(differ.kind, (ModuleKind::Module, ModuleKind::Component));
        assert_ne!(differ.size_bytes.0, differ.size_bytes.1);
        assert_eq!(formatted(&differ.imports), ["i: nothing > func()"]);
        assert_eq!(
            formatted(&differ.custom_sections),
            ["new: nothing > ", "old:  > nothing"]
        );
        assert_eq!(
            formatted(&differ.producers),
            ["language.Rust: 1.80 > 1.90", "sdk.a: 1 > nothing"]
        );
    }
}
