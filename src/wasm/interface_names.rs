//! Lists the names of the imports and exports of a component for the configuration of an OCI artifact.

use wasmparser::{Parser, Payload};

/// The maximum total length of the names, in bytes. Further names are omitted.
const NAMES_BYTES_MAX: usize = 64 << 10;

/// The names of a component's imports and exports, in the order of the component.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterfaceNames {
    /// The names of the imports.
    pub imports: Vec<String>,
    /// The names of the exports.
    pub exports: Vec<String>,
}

impl InterfaceNames {
    /// Returns the names of the imports and exports of a component. Names in nested components are not included. The result must always be
    /// the same for the same component, because it becomes part of a manifest whose digest clients know.
    pub fn of(component: &[u8]) -> Self {
        let (mut names, mut depth, mut bytes) = (Self::default(), 0, 0);
        let mut add = |names: &mut Vec<String>, name: &str| {
            bytes += name.len();
            if bytes <= NAMES_BYTES_MAX {
                names.push(name.to_owned());
            }
        };
        for payload in Parser::new(0).parse_all(component) {
            // An error cannot occur, because the component was validated when it was stored.
            let Ok(payload) = payload else {
                break;
            };
            match payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth -= 1,
                Payload::ComponentImportSection(imports) if depth == 0 => {
                    for import in imports.into_iter().flatten() {
                        add(&mut names.imports, import.name.name);
                    }
                }
                Payload::ComponentExportSection(exports) if depth == 0 => {
                    for export in exports.into_iter().flatten() {
                        add(&mut names.exports, export.name.name);
                    }
                }
                _ => {}
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_nested_components_are_left_out() {
        let component = wat::parse_str(
            r#"(component
                (import "a:b/c@1.0.0" (instance))
                (component (import "inner" (instance)) (export "x" (instance 0)))
                (import "run" (func))
                (core module (import "env" "f" (func)))
                (export "d:e/f" (instance 0))
            )"#,
        );
        let names = InterfaceNames::of(&component.unwrap());
        assert_eq!(names.imports, ["a:b/c@1.0.0", "run"]);
        assert_eq!(names.exports, ["d:e/f"]);
    }
}
