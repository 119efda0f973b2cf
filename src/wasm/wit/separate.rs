//! Renames the exported interfaces that a component also imports, so that the decoder does not merge them.
//!
//! The decoder merges an import and an export of the same name into one interface with the functions of both. If both have a function of
//! the same name, the merged interface has the imported one. The result is wrong if the component imports only a part of the interface that
//! it exports, as is common. So the export gets another name before the component is decoded.

use std::collections::{BTreeMap, BTreeSet};

use wasmparser::{BinaryReader, ComponentExportSectionReader, ComponentImportSectionReader};

use super::WitError;
use super::skeleton::{Section, sections};

/// The id of the import section of a component.
const IMPORTS: u8 = 10;
/// The id of the export section of a component.
const EXPORTS: u8 = 11;

/// A copy of a component in which some exports have other names.
pub(super) struct Separated {
    pub component: Vec<u8>,
    /// The original names of the renamed interfaces. The keys are the names under which the copy exports them.
    pub names: BTreeMap<String, String>,
}

/// Returns a copy of a component in which the exported interfaces that it also imports have other names. Returns `None` if there are no
/// such interfaces. `skeleton` has the bytes of a [`Skeleton::Component`](super::skeleton::Skeleton::Component).
///
/// # Errors
/// [`WitError::Undecodable`] if the sections cannot be read.
pub(super) fn separate(skeleton: &[u8]) -> Result<Option<Separated>, WitError> {
    let (mut imported, mut exported) = (BTreeSet::new(), BTreeSet::new());
    for section in sections(skeleton)? {
        let section = section?;
        let reader = BinaryReader::new(section.contents, 0);
        if section.id == IMPORTS {
            let imports = ComponentImportSectionReader::new(reader);
            for import in imports.map_err(WitError::undecodable)? {
                imported.insert(import.map_err(WitError::undecodable)?.name.name);
            }
        } else if section.id == EXPORTS {
            let exports = ComponentExportSectionReader::new(reader);
            for export in exports.map_err(WitError::undecodable)? {
                exported.insert(export.map_err(WitError::undecodable)?.name.name);
            }
        }
    }
    let is_both = |name: &str| name.contains('/') && imported.contains(name);
    if !exported.iter().any(|name| is_both(name)) {
        return Ok(None);
    }
    let mut labels = (0_u32..)
        .map(|n| format!("exported-interface-{n}"))
        .filter(|label| !exported.contains(label.as_str()) && !imported.contains(label.as_str()));
    let mut separated = Separated {
        component: skeleton.get(..PREAMBLE_BYTES).unwrap_or_default().to_vec(),
        names: BTreeMap::new(),
    };
    for section in sections(skeleton)? {
        let section = section?;
        if section.id == EXPORTS {
            separated.rename(&section, &is_both, &mut labels)?;
        } else {
            separated.component.extend_from_slice(section.whole);
        }
    }
    Ok(Some(separated))
}

/// The magic number and version of a component, in bytes.
const PREAMBLE_BYTES: usize = 8;

impl Separated {
    /// Copies the export section `section` to [`component`](Self::component). Replaces the names for which `is_renamed` returns true with
    /// names from `labels`.
    fn rename(
        &mut self,
        section: &Section<'_>,
        is_renamed: &dyn Fn(&str) -> bool,
        labels: &mut dyn Iterator<Item = String>,
    ) -> Result<(), WitError> {
        let exports = ComponentExportSectionReader::new(BinaryReader::new(section.contents, 0))
            .map_err(WitError::undecodable)?;
        let (mut contents, mut copied) = (Vec::new(), 0_usize);
        for export in exports.into_iter_with_offsets() {
            let (start, export) = export.map_err(WitError::undecodable)?;
            if !is_renamed(export.name.name) {
                continue;
            }
            // An export begins with its name, which is encoded as a byte for the form of the name, the length, and the text.
            let length_at = start as usize + 1;
            let mut length = BinaryReader::new(&section.contents[length_at..], 0);
            length.read_var_u32().map_err(WitError::undecodable)?;
            let label = labels.next().unwrap_or_default();
            contents.extend_from_slice(&section.contents[copied..length_at]);
            push_text(&mut contents, &label);
            copied = length_at + length.current_position() + export.name.name.len();
            self.names
                .insert(label, export.name.full_name().into_owned());
        }
        contents.extend_from_slice(&section.contents[copied..]);
        self.component.push(section.id);
        push_leb(&mut self.component, contents.len());
        self.component.extend_from_slice(&contents);
        Ok(())
    }
}

fn push_text(bytes: &mut Vec<u8>, text: &str) {
    push_leb(bytes, text.len());
    bytes.extend_from_slice(text.as_bytes());
}

/// Adds a number to `bytes` as unsigned LEB128.
fn push_leb(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::wit::Skeleton;
    use crate::wasm::wit::tests::component;

    fn separated(wit: &str) -> Option<Separated> {
        let Skeleton::Component(skeleton) = Skeleton::of(&component(wit)).unwrap() else {
            panic!("not a component");
        };
        separate(&skeleton).unwrap()
    }

    #[test]
    fn only_interfaces_that_are_imported_and_exported_get_another_name() {
        let both = "package a:b@1.0.0; interface i { f: func(); }";
        let world = |items: &str| separated(&format!("{both} world w {{ {items} }}"));
        assert!(world("import i;").is_none());
        assert!(world("export i;").is_none());
        assert!(world("import x: func(); export x: func();").is_none());
        let two = world("import i; export i; export x: func();").unwrap();
        let names = [("exported-interface-0".to_owned(), "a:b/i@1.0.0".to_owned())];
        assert_eq!(two.names, BTreeMap::from(names));
        let features = wasmparser::WasmFeatures::all();
        let mut validator = wasmparser::Validator::new_with_features(features);
        validator.validate_all(&two.component).unwrap();
    }
}
