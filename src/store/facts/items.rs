//! The items of a module: the names by which a search finds the module.

use super::record::{ModuleFacts, WitResult};
use crate::index::{ItemEntry, ItemKind};
use crate::wasm::{Crates, Metadata, WitItem, WitSource};

/// The maximum number of items of a module. The lists of facts from which the items are derived have their own limits.
pub(in crate::store) const ITEMS_MAX: usize = 8192;

/// Returns the items of a module: its kind, required features, imports, exports, crates, producers and licences. Imports and exports are
/// named as follows:
///
/// - An import of a core module is named `module.name`. An import or export of a component is named `namespace:package/interface`. Each
///   function and type of an interface is an item too. Its name follows a `#`, as in the component model's [canonical
///   names](https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md).
/// - The version of a package is not part of the name.
pub(in crate::store) fn items(module: &ModuleFacts) -> Vec<ItemEntry> {
    let facts = &module.facts;
    let mut items = vec![item(ItemKind::Kind, facts.kind.as_str(), "", "")];
    let requires = &facts.requires;
    let needs = requires.included.iter().chain(&requires.proposals);
    let needs = needs
        .map(String::as_str)
        .chain([requires.standard.as_str()]);
    items.extend(needs.map(|name| item(ItemKind::Needs, name, "", "")));
    match &module.wit {
        WitResult::Decoded(wit) if wit.source != WitSource::Module => {
            wit.imports
                .iter()
                .for_each(|import| push_wit(&mut items, ItemKind::Import, import));
            wit.exports
                .iter()
                .for_each(|export| push_wit(&mut items, ItemKind::Export, export));
        }
        _ => {
            for import in &facts.imports.items {
                let ty = import.ty.as_deref().unwrap_or_default();
                let (from, version) =
                    split_version(import.module.as_deref().unwrap_or(&import.name));
                let name = match import.module {
                    Some(_) => format!("{from}.{}", import.name),
                    None => from,
                };
                items.push(item(ItemKind::Import, &name, &version, ty));
            }
            for export in &facts.exports.items {
                let ty = export.ty.as_deref().unwrap_or_default();
                let (name, version) = split_version(&export.name);
                items.push(item(ItemKind::Export, &name, &version, ty));
            }
        }
    }
    push_metadata(&mut items, &facts.metadata);
    items.truncate(ITEMS_MAX);
    items
}

/// Returns the text in which a search looks for words: the name, description and authors of the module.
pub(super) fn words(metadata: &Metadata) -> String {
    let texts = [&metadata.name, &metadata.description, &metadata.authors];
    let texts: Vec<&str> = texts
        .into_iter()
        .filter_map(|text| text.as_deref())
        .collect();
    texts.join("\n")
}

fn push_metadata(items: &mut Vec<ItemEntry>, metadata: &Metadata) {
    if let Some(Crates::Listed(crates)) = &metadata.crates {
        let crates = crates.items.iter();
        items.extend(crates.map(|used| item(ItemKind::Crate, &used.name, &used.version, "")));
    }
    // Converts names to lower case, because modules spell the names of tools and licences differently.
    let producers = metadata.producers.items.iter();
    items.extend(producers.map(|tool| {
        item(
            ItemKind::Producer,
            &tool.name.to_lowercase(),
            &tool.version,
            "",
        )
    }));
    let is_separator = |c: char| c.is_whitespace() || "()".contains(c);
    let licenses = metadata.licenses.as_deref().unwrap_or_default();
    let licenses = licenses.split(is_separator).filter(|word| !word.is_empty());
    let licenses = licenses.filter(|word| !["AND", "OR", "WITH"].contains(word));
    items.extend(licenses.map(|id| item(ItemKind::License, &id.to_lowercase(), "", "")));
}

fn push_wit(items: &mut Vec<ItemEntry>, kind: ItemKind, wit: &WitItem) {
    let version = wit.version.as_deref().unwrap_or_default();
    let name = match &wit.package {
        Some(package) => format!("{package}/{}", wit.name),
        None => wit.name.clone(),
    };
    match wit.members.as_slice() {
        // This function or type belongs to the world itself, not to an interface, so it is a single item.
        [member] if wit.package.is_none() && member.name == wit.name => {
            items.push(item(kind, &name, version, &member.text));
        }
        members => {
            items.push(item(kind, &name, version, ""));
            let members = members.iter().map(|member| {
                item(
                    kind,
                    &format!("{name}#{}", member.name),
                    version,
                    &member.text,
                )
            });
            items.extend(members);
        }
    }
}

/// Splits a name such as `wasi:http/types@0.2.0` into the name without the version, and the version. A name without `:` has no version.
fn split_version(name: &str) -> (String, String) {
    match name.split_once('@') {
        Some((before, after)) if name.contains(':') => {
            let end = after.find(['#', '/']).unwrap_or(after.len());
            let (version, rest) = after.split_at(end);
            (format!("{before}{rest}"), version.to_owned())
        }
        _ => (name.to_owned(), String::new()),
    }
}

fn item(kind: ItemKind, name: &str, version: &str, ty: &str) -> ItemEntry {
    ItemEntry {
        kind,
        name: name.to_owned(),
        version: version.to_owned(),
        ty: ty.to_owned(),
    }
}
