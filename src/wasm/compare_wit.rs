//! Computes the differences between the WIT types of two components.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::compare::{Item, ItemChange, differences};
use super::compatibility::pairs;
use super::wit::WorldItem;

/// Replaces the text of each item in `items` that is a function or type outside of an interface: the new text is its definition in WIT.
pub(super) fn set_types(items: &mut [Item], wit: &[WorldItem]) {
    let texts: BTreeMap<_, _> = wit
        .iter()
        .filter_map(|item| Some((item.key.as_str(), item.own_type()?)))
        .collect();
    for (_, name, text) in items {
        if let Some(wit) = texts.get(name.as_str()) {
            *text = Arc::clone(wit);
        }
    }
}

/// Returns the differences between the functions and types in interfaces that both components have. The versions of an interface may differ
/// if they are compatible.
pub(super) fn member_differences(old: &[WorldItem], new: &[WorldItem]) -> Vec<ItemChange> {
    let is_same = |old: &WorldItem, new: &WorldItem| old.version == new.version;
    let mut changes = Vec::new();
    for pair in pairs(old, new, |item| item.key.as_str(), is_same) {
        let (Some(old), Some(new)) = pair else {
            continue;
        };
        let group: Arc<str> = new.full_name().into();
        let of_interface = |item: &WorldItem| -> Vec<Item> {
            if item.own_type().is_some() {
                return Vec::new();
            }
            let members = item.members.iter();
            let item = |name: &str, text: &Arc<str>| {
                (Some(Arc::clone(&group)), name.to_owned(), Arc::clone(text))
            };
            members
                .map(|member| item(&member.name, &member.text))
                .collect()
        };
        changes.extend(differences(&of_interface(old), &of_interface(new)));
    }
    changes
}

#[cfg(test)]
mod tests {
    use crate::wasm::wit::tests::component;
    use crate::wasm::{Comparison, Interface, ItemChange};

    fn compared(old: &str, new: &str) -> Comparison {
        let interface = |wit| Interface::of(&component(wit)).unwrap();
        Comparison::of(&interface(old), &interface(new))
    }

    /// Returns the changes as `group.name: old > new`.
    fn formatted(changes: &[ItemChange]) -> Vec<String> {
        let line = |change: &ItemChange| {
            let side =
                |side: &Option<std::sync::Arc<str>>| side.as_deref().unwrap_or("-").to_owned();
            let group = change.group.as_deref().unwrap_or("-");
            format!(
                "{group} {}: {} > {}",
                change.name,
                side(&change.old),
                side(&change.new)
            )
        };
        changes.iter().map(line).collect()
    }

    #[test]
    fn a_changed_signature_in_an_exported_interface_is_a_difference() {
        let wit = |parameter: &str, version: &str| {
            format!(
                "package a:b@{version};
                 interface api {{ f: func(x: {parameter}); record r {{ x: {parameter} }} g: func(r: r); }}
                 world w {{ import log: func(x: {parameter}); export api; }}"
            )
        };
        let differ = compared(&wit("u32", "1.0.0"), &wit("string", "1.0.0"));
        assert_eq!(
            formatted(&differ.imports),
            ["- log: func(x: u32) > func(x: string)"]
        );
        let expected = [
            "a:b/api@1.0.0 f: func(x: u32) > func(x: string)",
            "a:b/api@1.0.0 r: record r { x: u32 } > record r { x: string }",
        ];
        assert_eq!(formatted(&differ.exports), expected);

        let differ = compared(&wit("u32", "1.0.0"), &wit("string", "1.1.0"));
        let expected = [
            "- a:b/api@1.0.0: instance > -",
            "- a:b/api@1.1.0: - > instance",
            "a:b/api@1.1.0 f: func(x: u32) > func(x: string)",
            "a:b/api@1.1.0 r: record r { x: u32 } > record r { x: string }",
        ];
        assert_eq!(formatted(&differ.exports), expected);

        let differ = compared(&wit("u32", "1.0.0"), &wit("string", "2.0.0"));
        let expected = [
            "- a:b/api@1.0.0: instance > -",
            "- a:b/api@2.0.0: - > instance",
        ];
        assert_eq!(formatted(&differ.exports), expected);
    }
}
