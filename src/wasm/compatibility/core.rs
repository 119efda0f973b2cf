//! Decides whether a newer core module is compatible with an older one, from the types of their imports and exports.

use std::collections::BTreeMap;

use wasmparser::types::{EntityType, Types, TypesRef};
use wasmparser::{Parser, Payload, ValidPayload, Validator, WasmFeatures};

use super::matching::matches;
use super::reasons::Reasons;
use crate::wasm::Error;
use crate::wasm::types::{format_global, format_memory, format_table, format_tag};

/// The imports and exports of a module with their types. The types contain ids that are valid in the validator that read the module.
#[derive(Default)]
struct Items {
    /// The types of the imports, by module and name. The same name may be imported several times, with different types.
    imports: BTreeMap<(String, String), Vec<EntityType>>,
    exports: BTreeMap<String, EntityType>,
}

/// Adds the differences between two core modules to `reasons`.
///
/// # Errors
/// [`Error::Invalid`] if one of them is malformed.
pub(super) fn compare(old: &[u8], new: &[u8], reasons: &mut Reasons) -> Result<(), Error> {
    // The same validator reads both modules, so that equal types have the same id.
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    let (old, _) = read(&mut validator, old)?;
    validator.reset();
    let (new, types) = read(&mut validator, new)?;
    compare_imports(types.as_ref(), &old, &new, reasons);
    compare_exports(types.as_ref(), &old, &new, reasons);
    Ok(())
}

/// Reads the sections of a module on which the types of its imports and exports depend. Does not validate function bodies.
fn read(validator: &mut Validator, bytes: &[u8]) -> Result<(Items, Types), Error> {
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        if is_irrelevant(&payload) {
            continue;
        }
        if let ValidPayload::End(types) = validator.payload(&payload)? {
            return Ok((Items::of(types.as_ref()), types));
        }
    }
    Err(Error::invalid(
        "truncated: unexpected end-of-file",
        bytes.len() as u64,
    ))
}

/// Returns whether a payload is a section on which the types of imports and exports do not depend.
fn is_irrelevant(payload: &Payload<'_>) -> bool {
    matches!(
        payload,
        Payload::CustomSection(_)
            | Payload::StartSection { .. }
            | Payload::ElementSection(_)
            | Payload::DataCountSection { .. }
            | Payload::DataSection(_)
    )
}

impl Items {
    fn of(types: TypesRef<'_>) -> Self {
        let mut items = Self::default();
        for (module, name, ty) in types.core_imports().into_iter().flatten() {
            let key = (module.to_owned(), name.to_owned());
            items.imports.entry(key).or_default().push(ty);
        }
        for (name, ty) in types.core_exports().into_iter().flatten() {
            items.exports.insert(name.to_owned(), ty);
        }
        items
    }
}

/// Adds the differences between the imports. A host that provides the imports of the older module must be able to run the newer module, so
/// the older types must match the newer ones.
fn compare_imports(types: TypesRef<'_>, old: &Items, new: &Items, reasons: &mut Reasons) {
    for ((module, name), tys) in &new.imports {
        let what = format!("`{module}` `{name}`");
        let Some(old) = old.imports.get(&(module.clone(), name.clone())) else {
            reasons.breaking(&format!(
                "the newer module imports {what}, which the older one does not"
            ));
            continue;
        };
        for ty in tys.iter().filter(|ty| !old.contains(ty)) {
            let (text, old_text) = (text(types, ty), text(types, &old[0]));
            let text = format!("the newer module imports {what} as `{text}`, not as `{old_text}`");
            if old.iter().any(|old| matches(types, old, ty)) {
                reasons.compatible(&text);
            } else {
                reasons.breaking(&text);
            }
        }
    }
    let removed = old
        .imports
        .keys()
        .filter(|key| !new.imports.contains_key(*key));
    for (module, name) in removed {
        reasons.compatible(&format!(
            "the newer module does not import `{module}` `{name}`, which the older one does"
        ));
    }
}

/// Adds the differences between the exports. Users of the older module must be able to use the exports of the newer module, so the newer
/// types must match the older ones.
fn compare_exports(types: TypesRef<'_>, old: &Items, new: &Items, reasons: &mut Reasons) {
    for (name, old_ty) in &old.exports {
        let Some(ty) = new.exports.get(name) else {
            reasons.breaking(&format!(
                "the newer module does not export `{name}`, which the older one does"
            ));
            continue;
        };
        if ty == old_ty {
            continue;
        }
        let (new_text, old_text) = (text(types, ty), text(types, old_ty));
        let text =
            format!("the newer module exports `{name}` as `{new_text}`, not as `{old_text}`");
        if matches(types, ty, old_ty) {
            reasons.compatible(&text);
        } else {
            reasons.breaking(&text);
        }
    }
    let added = new
        .exports
        .keys()
        .filter(|name| !old.exports.contains_key(*name));
    for name in added {
        reasons.compatible(&format!(
            "the newer module exports `{name}`, which the older one does not"
        ));
    }
}

/// Returns a type in the WebAssembly text format.
fn text(types: TypesRef<'_>, ty: &EntityType) -> String {
    match ty {
        EntityType::Func(id) | EntityType::FuncExact(id) => types[*id].to_string(),
        EntityType::Tag(id) => format_tag(&types[*id].to_string()),
        EntityType::Table(table) => format_table(table).to_string(),
        EntityType::Memory(memory) => format_memory(memory).to_string(),
        EntityType::Global(global) => format_global(global).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use crate::wasm::{Compatibility, Verdict};
    use Compatibility::{Breaking, Compatible, Same};

    fn verdict(old: &str, new: &str) -> Verdict {
        let module = |fields: &str| wat::parse_str(format!("(module {fields})")).unwrap();
        Verdict::of(&module(old), &module(new)).unwrap()
    }

    /// Pairs of definitions of an item. Each has the expected verdict if the first definition is replaced by the second in an import, and
    /// the expected verdict for an export.
    const RETYPED: [(&str, &str, Compatibility, Compatibility); 18] = [
        ("(func)", "(func)", Same, Same),
        ("(func)", "(func (param i32))", Breaking, Breaking),
        ("(func)", "(global i32)", Breaking, Breaking),
        ("(memory 1)", "(memory 2)", Breaking, Compatible),
        ("(memory 2)", "(memory 1)", Compatible, Breaking),
        ("(memory 1)", "(memory 1 9)", Breaking, Compatible),
        ("(memory 1 9)", "(memory 1 8)", Breaking, Compatible),
        ("(memory 1 9)", "(memory 1)", Compatible, Breaking),
        ("(memory 1 2)", "(memory 1 2 shared)", Breaking, Breaking),
        ("(memory 1)", "(memory i64 1)", Breaking, Breaking),
        (
            "(table 1 funcref)",
            "(table 2 funcref)",
            Breaking,
            Compatible,
        ),
        (
            "(table 1 funcref)",
            "(table 1 externref)",
            Breaking,
            Breaking,
        ),
        ("(global i32)", "(global (mut i32))", Breaking, Breaking),
        (
            "(global funcref)",
            "(global nullfuncref)",
            Breaking,
            Compatible,
        ),
        (
            "(global (ref null $f))",
            "(global funcref)",
            Compatible,
            Breaking,
        ),
        (
            "(global (mut funcref))",
            "(global (mut nullfuncref))",
            Breaking,
            Breaking,
        ),
        (
            "(func (type $base))",
            "(func (type $derived))",
            Breaking,
            Compatible,
        ),
        ("(tag)", "(tag (param i32))", Breaking, Breaking),
    ];

    const TYPES: &str = "(type $f (func (param i32)))
        (type $base (sub (func))) (type $derived (sub $base (func)))";

    #[test]
    fn retyped_items_are_compatible_if_their_types_match() {
        for (old, new, import, export) in RETYPED {
            let imported = |item: &str| format!("{TYPES} (import \"m\" \"n\" {item})");
            let verdict_of_import = verdict(&imported(old), &imported(new));
            assert_eq!(
                verdict_of_import.compatibility, import,
                "{old} {new}: {verdict_of_import:?}"
            );
            // The modules export the item by importing and re-exporting it, so that it needs no definition.
            let imported_as = |module: &str, item: &str| {
                let kind = item[1..].split(' ').next().unwrap().trim_end_matches(')');
                format!("{TYPES} (import \"{module}\" \"n\" {item}) (export \"e\" ({kind} 0))")
            };
            let verdict_of_export = verdict(&imported_as("m", old), &imported_as("m", new));
            let about_export =
                |reasons: &[String]| reasons.iter().any(|reason| reason.contains("exports `e`"));
            let found = match (
                about_export(&verdict_of_export.breaking),
                about_export(&verdict_of_export.compatible),
            ) {
                (true, false) => Breaking,
                (false, true) => Compatible,
                _ => Same,
            };
            assert_eq!(found, export, "{old} {new}: {verdict_of_export:?}");
        }
    }

    #[test]
    fn added_and_removed_items_have_reasons() {
        let import = r#"(import "env" "f" (func))"#;
        let export = r#"(func (export "run"))"#;
        let both = format!("{import} {export}");
        let removed = verdict(&both, "");
        assert_eq!(removed.compatibility, Breaking);
        assert_eq!(
            removed.breaking,
            ["the newer module does not export `run`, which the older one does"]
        );
        assert_eq!(
            removed.compatible,
            ["the newer module does not import `env` `f`, which the older one does"]
        );
        let added = verdict("", &both);
        assert_eq!(added.compatibility, Breaking);
        assert_eq!(
            added.breaking,
            ["the newer module imports `env` `f`, which the older one does not"]
        );
        assert_eq!(
            added.compatible,
            ["the newer module exports `run`, which the older one does not"]
        );
        assert_eq!(verdict(&both, import).compatibility, Breaking);
        assert_eq!(verdict(&both, export).compatibility, Compatible);
        assert_eq!(verdict(export, export).compatibility, Same);
    }

    #[test]
    fn an_import_may_have_several_types() {
        let f = r#"(import "m" "n" (func))"#;
        let g = r#"(import "m" "n" (global i32))"#;
        assert_eq!(verdict(&format!("{f} {g}"), g).compatibility, Same);
        assert_eq!(verdict(g, &format!("{f} {g}")).compatibility, Breaking);
    }

    #[test]
    fn a_module_and_a_component_are_incompatible() {
        let (module, component) = (
            wat::parse_str("(module)").unwrap(),
            wat::parse_str("(component)").unwrap(),
        );
        for (old, new) in [(&module, &component), (&component, &module)] {
            assert_eq!(Verdict::of(old, new).unwrap().compatibility, Breaking);
        }
        assert_eq!(
            Verdict::of(&component, &component).unwrap().compatibility,
            Same
        );
    }

    #[test]
    fn reasons_are_bounded() {
        let exports: String = (0..300)
            .map(|n| format!("(func (export \"{n}\"))"))
            .collect();
        let verdict = verdict(&exports, "");
        assert_eq!((verdict.breaking.len(), verdict.left_out), (100, 200));
    }
}
