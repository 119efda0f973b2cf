//! Tests the verdicts about generated pairs of components. The components of a pair differ in one thing. The verdicts are compared with the
//! results of the validator and of `wit-component`.

use wit_component::DecodedWasm;

use super::{Compatibility, Verdict};
use crate::wasm::wit::tests::component;

/// The types of parameters, results and fields in the generated pairs. In some pairs, one type is replaced with the next type in this list.
const TYPES: [&str; 4] = [
    "u32",
    "list<tuple<u8, char>>",
    "result<option<string>, f64>",
    "borrow<counter>",
];

/// The parts of a WIT package that has one interface, and a world that imports or exports the interface.
#[derive(Clone)]
struct Parts {
    version: &'static str,
    interface: &'static str,
    types: String,
    functions: String,
    /// WIT declarations that follow the interface in the package. Empty in most packages.
    other_declarations: &'static str,
    /// Imports or exports of the world in addition to the interface. The word `SIDE` stands for `import` or `export`.
    other_world_items: &'static str,
}

impl Parts {
    fn new(ty: &str) -> Self {
        // WIT does not allow a `borrow` as a result or in a field.
        let stored = if ty.starts_with("borrow") { "s64" } else { ty };
        Self {
            version: "1.2.3",
            interface: "api",
            types: format!(
                "record point {{ x: {stored}, y: s32 }}
                 enum color {{ red, green }}
                 flags rights {{ read, write }}
                 variant value {{ none, some({stored}) }}
                 resource counter {{
                     constructor(start: u64);
                     increment: func(by: u64) -> u64;
                 }}
                 resource handle {{}}"
            ),
            functions: format!(
                "paint: func(at: point, color: color, with-value: value, rights: rights);
                 take: func(counter: own<counter>, handle: borrow<handle>, a: {ty}) -> {stored};"
            ),
            other_declarations: "",
            other_world_items: "",
        }
    }

    fn replace(&self, from: &str, to: &str) -> Self {
        let mut parts = self.clone();
        parts.types = self.types.replace(from, to);
        parts.functions = self.functions.replace(from, to);
        assert!(parts.types != self.types || parts.functions != self.functions);
        parts
    }

    fn wit(&self, side: &str) -> String {
        let Self {
            version,
            interface,
            types,
            functions,
            other_declarations,
            other_world_items,
        } = self;
        let other_world_items = other_world_items.replace("SIDE", side);
        format!(
            "package test:pairs@{version};
             interface {interface} {{ {types} {functions} }}
             {other_declarations}
             world app {{ {side} {interface}; {other_world_items} }}"
        )
    }
}

/// A change of a package, with the expected verdict if the world imports the interface, and the expected verdict if it exports the
/// interface.
struct Change {
    name: &'static str,
    import: Compatibility,
    export: Compatibility,
    old: Parts,
    new: Parts,
}

/// Returns all changes of a package whose functions use the type `ty`. Some changes replace `ty` with `next`.
#[expect(clippy::too_many_lines, reason = "a table")]
fn changes(ty: &str, next: &str) -> Vec<Change> {
    use Compatibility::{Breaking, Compatible, Same};
    let base = Parts::new(ty);
    let with_function = Parts {
        functions: format!("{} extra: func(a: {ty});", base.functions),
        ..base.clone()
    };
    let with_field = base.replace("y: s32 }", "y: s32, z: u8 }");
    let with_case = base.replace("red, green", "red, green, blue");
    let with_method = base.replace(
        "constructor(start: u64);",
        "constructor(start: u64); reset: func();",
    );
    let with_more = Parts {
        other_declarations: "interface more { f: func(); }",
        other_world_items: "SIDE more;",
        ..base.clone()
    };
    let with_freestanding = Parts {
        other_world_items: "SIDE extra: func(a: string);",
        ..base.clone()
    };
    let version = |version| Parts {
        version,
        ..base.clone()
    };
    let with_alias = Parts {
        types: format!("{} type alias = u64;", base.types),
        functions: format!("{} aliased: func(a: alias);", base.functions),
        ..base.clone()
    };
    let mut changes = Vec::new();
    let mut change = |name, import, export, old: &Parts, new: &Parts| {
        changes.push(Change {
            name,
            import,
            export,
            old: old.clone(),
            new: new.clone(),
        });
    };
    change("nothing", Same, Same, &base, &base);
    change(
        "function added",
        Breaking,
        Compatible,
        &base,
        &with_function,
    );
    change(
        "function removed",
        Compatible,
        Breaking,
        &with_function,
        &base,
    );
    change(
        "function renamed",
        Breaking,
        Breaking,
        &base,
        &base.replace("take:", "takes:"),
    );
    change(
        "function order",
        Same,
        Same,
        &base,
        &Parts {
            functions: base.functions.lines().rev().collect(),
            ..base.clone()
        },
    );
    change(
        "parameter retyped",
        Breaking,
        Breaking,
        &base,
        &base.replace(&format!("a: {ty})"), &format!("a: {next})")),
    );
    change(
        "parameter renamed",
        Breaking,
        Breaking,
        &base,
        &base.replace("a: ", "b: "),
    );
    change(
        "parameter added",
        Breaking,
        Breaking,
        &base,
        &base.replace(&format!("a: {ty})"), &format!("a: {ty}, more: bool)")),
    );
    change(
        "result removed",
        Breaking,
        Breaking,
        &base,
        &Parts {
            functions: base.functions.split(" ->").next().unwrap().to_owned() + ";",
            ..base.clone()
        },
    );
    change(
        "function made async",
        Breaking,
        Breaking,
        &base,
        &base.replace("take: func", "take: async func"),
    );
    change("record field added", Breaking, Breaking, &base, &with_field);
    change(
        "record field removed",
        Breaking,
        Breaking,
        &with_field,
        &base,
    );
    change(
        "record field retyped",
        Breaking,
        Breaking,
        &base,
        &base.replace("y: s32", "y: s16"),
    );
    change("enum case added", Breaking, Breaking, &base, &with_case);
    change("enum case removed", Breaking, Breaking, &with_case, &base);
    change(
        "flag added",
        Breaking,
        Breaking,
        &base,
        &base.replace("read, write", "read, write, run"),
    );
    change(
        "variant case added",
        Breaking,
        Breaking,
        &base,
        &base.replace("none, some", "none, other, some"),
    );
    change(
        "resource method added",
        Breaking,
        Compatible,
        &base,
        &with_method,
    );
    change(
        "resource method removed",
        Compatible,
        Breaking,
        &with_method,
        &base,
    );
    change(
        "resource method retyped",
        Breaking,
        Breaking,
        &base,
        &base.replace("by: u64) -> u64", "by: u32) -> u64"),
    );
    change(
        "resource replaced",
        Breaking,
        Breaking,
        &base,
        &base.replace("borrow<handle>", "borrow<counter>"),
    );
    change(
        "type named",
        Breaking,
        Compatible,
        &with_alias
            .replace("aliased: func(a: alias)", "aliased: func(a: u64)")
            .replace("type alias = u64;", ""),
        &with_alias,
    );
    change(
        "patch version bumped",
        Compatible,
        Compatible,
        &base,
        &version("1.2.4"),
    );
    change(
        "minor version bumped",
        Compatible,
        Compatible,
        &base,
        &version("1.3.0"),
    );
    change(
        "minor version lowered",
        Compatible,
        Compatible,
        &version("1.3.0"),
        &base,
    );
    change(
        "major version bumped",
        Breaking,
        Breaking,
        &base,
        &version("2.0.0"),
    );
    change(
        "0.x patch version bumped",
        Compatible,
        Compatible,
        &version("0.2.0"),
        &version("0.2.1"),
    );
    change(
        "0.x version bumped",
        Breaking,
        Breaking,
        &version("0.2.0"),
        &version("0.3.0"),
    );
    change(
        "pre-release version bumped",
        Breaking,
        Breaking,
        &version("1.0.0-rc.1"),
        &version("1.0.0-rc.2"),
    );
    change(
        "interface renamed",
        Breaking,
        Breaking,
        &base,
        &Parts {
            interface: "api2",
            ..base.clone()
        },
    );
    change("interface added", Breaking, Compatible, &base, &with_more);
    change("interface removed", Compatible, Breaking, &with_more, &base);
    change(
        "freestanding added",
        Breaking,
        Compatible,
        &base,
        &with_freestanding,
    );
    change(
        "freestanding removed",
        Compatible,
        Breaking,
        &with_freestanding,
        &base,
    );
    change(
        "freestanding retyped",
        Breaking,
        Breaking,
        &with_freestanding,
        &Parts {
            other_world_items: "SIDE extra: func(a: u8);",
            ..base.clone()
        },
    );
    changes
}

/// Returns whether `wasmparser` accepts the newer component where a component with the type of the older one is required.
fn validator_says(old: &[u8], new: &[u8]) -> bool {
    let DecodedWasm::Component(resolve, world) = wit_component::decode(old).unwrap() else {
        panic!("a component");
    };
    wit_component::targets(&resolve, world, new, true).is_ok()
}

/// Returns whether `wit_component::semver_check` accepts the newer component. `semver_check` decides whether a component for its first
/// world runs in a host for its second world, so the newer world is the first argument. It ignores versions, so the two packages get
/// different versions here, only to make their names different.
fn semver_check_says(old: &[u8], new: &[u8]) -> bool {
    let decode = |bytes| match wit_component::decode(bytes).unwrap() {
        DecodedWasm::Component(resolve, world) => (resolve, world),
        DecodedWasm::WitPackage(..) => panic!("a component"),
    };
    let (mut old, old_world) = decode(old);
    let (mut new, new_world) = decode(new);
    for (resolve, version) in [(&mut old, "1000.0.0"), (&mut new, "2000.0.0")] {
        for (_, package) in resolve.packages.iter_mut() {
            package.name.version = Some(version.parse().unwrap());
        }
        let packages = resolve.packages.iter();
        resolve.package_names = packages
            .map(|(id, package)| (package.name.clone(), id))
            .collect();
    }
    let remap = old.merge(new).unwrap();
    let new_world = remap.map_world(new_world, Default::default()).unwrap();
    wit_component::semver_check(old, new_world, old_world).is_ok()
}

#[test]
fn verdicts_about_generated_pairs_are_right() {
    let mut pairs = 0;
    println!(
        "{:28} {:7} {:11} {:>5} {:>10} {:>13}",
        "change", "side", "verdict", "pairs", "validator", "semver_check"
    );
    let rounds = TYPES.iter().zip(TYPES.iter().cycle().skip(1));
    let rounds: Vec<_> = rounds.map(|(ty, next)| changes(ty, next)).collect();
    for nth in 0..rounds[0].len() {
        for side in ["import", "export"] {
            let (mut validator, mut semver_check) = (0, 0);
            let Change {
                name,
                import,
                export,
                ..
            } = &rounds[0][nth];
            let expected = if side == "import" { import } else { export };
            for change in rounds.iter().map(|changes| &changes[nth]) {
                let (old, new) = (
                    component(&change.old.wit(side)),
                    component(&change.new.wit(side)),
                );
                let verdict = Verdict::of(&old, &new).unwrap();
                assert_eq!(
                    verdict.compatibility, *expected,
                    "{name} {side}: {verdict:?}"
                );
                let is_compatible = verdict.compatibility != Compatibility::Breaking;
                assert_eq!(is_compatible, verdict.breaking.is_empty());
                assert_eq!(
                    validator_says(&old, &new),
                    is_compatible,
                    "{name} {side}: {verdict:?}"
                );
                validator += 1;
                semver_check += usize::from(semver_check_says(&old, &new) == is_compatible);
                pairs += 1;
            }
            println!(
                "{name:28} {side:7} {:11} {validator:5} {:>10} {:>13}",
                expected.as_str(),
                "agrees",
                if semver_check == validator {
                    "agrees"
                } else {
                    "differs"
                },
            );
        }
    }
    println!("{pairs} pairs");
    assert!(pairs > 250);
}

/// Returns a component that imports and exports the interface `a:b/i@1.0.0`. The imported interface has the functions `imported`, and the
/// exported interface has the functions `exported`.
fn middleware(imported: &str, exported: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!(
        r#"(component (import "a:b/i@1.0.0" (instance {imported}))
            (core module $m (memory (export "m") 1) (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 0)
                (func (export "none")) (func (export "u32") (param i32)) (func (export "string") (param i32 i32)))
            (core instance $c (instantiate $m))"#
    );
    let mut exports = String::new();
    for (name, ty) in exported {
        let parameter = if *ty == "none" {
            String::new()
        } else {
            format!(r#"(param "a" {ty})"#)
        };
        text += &format!(
            r#"(func ${name} {parameter} (canon lift (core func $c "{ty}") (memory (core memory $c "m")) (realloc (core func $c "realloc"))))"#
        );
        exports += &format!(r#"(export "{name}" (func ${name}))"#);
    }
    text += &format!(r#"(instance $e {exports}) (export "a:b/i@1.0.0" (instance $e)))"#);
    wat::parse_str(&text).unwrap()
}

/// The generated pairs do not cover this case. It is special because the WIT decoder merges an import and an export of the same name into
/// one interface.
#[test]
fn an_interface_that_is_imported_and_exported_is_compared_on_both_sides() {
    let (f, g) = (r#"(export "f" (func))"#, r#"(export "g" (func))"#);
    let both = &[("f", "none"), ("g", "none")][..];
    let old = middleware(f, both);
    let verdict = |new: &[u8]| Verdict::of(&old, new).unwrap();
    assert_eq!(verdict(&old).compatibility, Compatibility::Same);
    let imports_more = verdict(&middleware(&format!("{f} {g}"), both));
    assert_eq!(
        imports_more.breaking,
        [
            "the newer module imports the function `g` of `a:b/i@1.0.0`, which the older one does not"
        ]
    );
    let imports_less = verdict(&middleware("", both));
    assert_eq!(
        (imports_less.compatibility, imports_less.compatible.len()),
        (Compatibility::Compatible, 1)
    );
    let exports_less = verdict(&middleware(f, &both[..1]));
    assert_eq!(
        exports_less.breaking,
        [
            "the newer module does not export the function `g` of `a:b/i@1.0.0`, which the older one does"
        ]
    );
    let exports_more = verdict(&middleware(f, &[both, &[("h", "none")]].concat()));
    assert_eq!(
        (exports_more.compatibility, exports_more.compatible.len()),
        (Compatibility::Compatible, 1)
    );
    let retyped = verdict(&middleware(f, &[("f", "u32"), ("g", "none")]));
    assert_eq!(
        retyped.breaking,
        [
            "the newer module exports the function `f` of `a:b/i@1.0.0` as `func(a: u32)`, not as `func()`"
        ]
    );
    let import_retyped = verdict(&middleware(
        r#"(export "f" (func (param "a" string)))"#,
        both,
    ));
    assert_eq!(
        import_retyped.breaking,
        [
            "the newer module imports the function `f` of `a:b/i@1.0.0` as `func(a: string)`, not as `func()`"
        ]
    );
}

/// The exported interfaces of these components use each other's types and types of imported interfaces.
#[test]
fn components_that_import_and_export_resources_are_compared() {
    let wit = |more: &str| {
        component(&format!(
            "package a:b@1.0.0;
             interface types {{ record point {{ x: s32 }} resource source {{ read: func() -> point; }} {more} }}
             interface handler {{ use types.{{source, point}}; handle: func(s: source) -> result<source, point>; }}
             world w {{ import types; import handler; export types; export handler; }}"
        ))
    };
    let (old, new) = (wit(""), wit("close: func(s: source);"));
    assert_eq!(
        Verdict::of(&old, &old.clone()).unwrap().compatibility,
        Compatibility::Same
    );
    let verdict = Verdict::of(&old, &new).unwrap();
    assert_eq!(
        (verdict.breaking, verdict.compatible),
        (
            vec!["the newer module imports the function `close` of `a:b/types@1.0.0`, which the older one does not".to_owned()],
            vec!["the newer module exports the function `close` of `a:b/types@1.0.0`, which the older one does not".to_owned()],
        )
    );
}
