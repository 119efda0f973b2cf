//! Makes copies of modules that contain only the sections on which their WIT depends. Such a copy is called a skeleton.

use super::WitError;
use crate::wasm::limits::{SectionHeader, peek_u32};

/// The maximum length of a skeleton (a copy of a module with only the sections on which its WIT depends), in bytes. The skeleton of a
/// component that imports all of WASI has less than 200 KB.
const BYTES_MAX: usize = 4 << 20;
/// The maximum depth of components that are nested in components.
const DEPTH_MAX: usize = 100;

/// The magic number and version of a module or component, in bytes.
const PREAMBLE_BYTES: usize = 8;
/// The layer field in the preamble of a component. In a core module, it is 0.
const COMPONENT_LAYER: u8 = 1;
/// A function body that is valid for every type. The bytes are its length, no locals, `unreachable` and `end`.
const BODY: [u8; 4] = [3, 0, 0x00, 0x0b];

/// A copy of the part of a module on which its WIT depends.
#[derive(Debug)]
pub(in crate::wasm) enum Skeleton {
    /// A component with the same types as the original. Its nested core modules have no real code and no data, and it has no custom
    /// sections except the documentation of a package.
    Component(Vec<u8>),
    /// An empty core module with the `component-type` sections of the original, which has at least one such section.
    Module(Vec<u8>),
}

impl Skeleton {
    /// Copies the sections on which the WIT of a module depends. The work, and the size of the copy for the decoder, are limited.
    ///
    /// # Errors
    /// [`WitError::CoreModule`], [`WitError::TooLarge`], [`WitError::TooDeep`], or [`WitError::Undecodable`] if the bytes are not a
    /// sequence of sections.
    pub(in crate::wasm) fn of(bytes: &[u8]) -> Result<Self, WitError> {
        let mut copy = Copy { bytes: Vec::new() };
        if is_component(bytes) {
            copy.component(bytes, 0)?;
            return Ok(Self::Component(copy.bytes));
        }
        copy.embedded_worlds(bytes)?;
        if copy.bytes.len() == PREAMBLE_BYTES {
            return Err(WitError::CoreModule);
        }
        Ok(Self::Module(copy.bytes))
    }
}

/// Returns whether `bytes` begins with the preamble of a component.
fn is_component(bytes: &[u8]) -> bool {
    bytes.get(6) == Some(&COMPONENT_LAYER)
}

struct Copy {
    bytes: Vec<u8>,
}

impl Copy {
    fn component(&mut self, bytes: &[u8], depth: usize) -> Result<(), WitError> {
        if depth > DEPTH_MAX {
            return Err(WitError::TooDeep {
                depth_max: DEPTH_MAX,
            });
        }
        for section in self.sections(bytes)? {
            let section = section?;
            match section.id {
                0 if depth == 0 && section.custom_name() == Some(b"package-docs") => {
                    self.push(section.whole)?;
                }
                0 => {}
                1 => self.nested(1, |copy| copy.module(section.contents))?,
                4 => self.nested(4, |copy| copy.component(section.contents, depth + 1))?,
                _ => self.push(section.whole)?,
            }
        }
        Ok(())
    }

    fn module(&mut self, bytes: &[u8]) -> Result<(), WitError> {
        let mut functions = 0;
        for section in self.sections(bytes)? {
            let section = section?;
            match section.id {
                // The sections with types, imports, functions, tables, memories, globals, exports and tags.
                1..=7 | 13 => self.push(section.whole)?,
                10 => self.nested(10, |copy| copy.bodies(functions))?,
                // Custom sections, the start section, elements and data do not affect the type of a module, so they are not copied.
                _ => {}
            }
            if section.id == 3 {
                functions = peek_u32(section.contents).map_or(0, |(count, _)| count);
            }
        }
        Ok(())
    }

    /// Adds the contents of a code section with `functions` functions, each with the body [`BODY`].
    fn bodies(&mut self, functions: u32) -> Result<(), WitError> {
        let count = functions as usize;
        let bodies_bytes = count.saturating_mul(BODY.len());
        if bodies_bytes > BYTES_MAX {
            return Err(TOO_LARGE);
        }
        self.push(&padded_leb(functions))?;
        self.push(&BODY.repeat(count))
    }

    /// Adds the `component-type` sections of a core module. Tools embed the world for which a module was written in these sections.
    fn embedded_worlds(&mut self, bytes: &[u8]) -> Result<(), WitError> {
        for section in self.sections(bytes)? {
            let section = section?;
            let name = section.custom_name().filter(|_| section.id == 0);
            if name.is_some_and(|name| name.starts_with(b"component-type")) {
                self.push(section.whole)?;
            }
        }
        Ok(())
    }

    /// Adds the preamble (magic number and version) of `bytes` to this copy, and returns the sections after the preamble.
    fn sections<'a>(
        &mut self,
        bytes: &'a [u8],
    ) -> Result<impl Iterator<Item = Result<Section<'a>, WitError>> + use<'a>, WitError> {
        self.push(bytes.get(..PREAMBLE_BYTES).ok_or_else(truncated)?)?;
        sections(bytes)
    }

    /// Adds a section with the id `id`. `add` adds the contents of the section.
    fn nested(
        &mut self,
        id: u8,
        add: impl FnOnce(&mut Self) -> Result<(), WitError>,
    ) -> Result<(), WitError> {
        self.push(&[id])?;
        let length_at = self.bytes.len();
        self.push(&padded_leb(0))?;
        let start = self.bytes.len();
        add(self)?;
        // The length fits into `u32`, because the limit on the copy is far below `u32::MAX`.
        let length = padded_leb((self.bytes.len() - start) as u32);
        self.bytes[length_at..start].copy_from_slice(&length);
        Ok(())
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), WitError> {
        if bytes.len() > BYTES_MAX - self.bytes.len() {
            return Err(TOO_LARGE);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

/// Returns the sections after the preamble of a module or component.
pub(super) fn sections<'a>(
    bytes: &'a [u8],
) -> Result<impl Iterator<Item = Result<Section<'a>, WitError>> + use<'a>, WitError> {
    let mut rest = bytes.get(PREAMBLE_BYTES..).ok_or_else(truncated)?;
    Ok(std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let section = Section::split_first(rest).ok_or_else(truncated);
        rest = section
            .as_ref()
            .map_or(&[][..], |section| &rest[section.whole.len()..]);
        Some(section)
    }))
}

/// A section of a module or component.
pub(super) struct Section<'a> {
    pub id: u8,
    pub contents: &'a [u8],
    /// All bytes of the section, with its header.
    pub whole: &'a [u8],
}

impl<'a> Section<'a> {
    /// Returns the section at the start of `bytes`, or `None` if it is incomplete.
    fn split_first(bytes: &'a [u8]) -> Option<Self> {
        let head = SectionHeader::peek(bytes)?;
        let end = head
            .head_bytes
            .checked_add(usize::try_from(head.contents_bytes).ok()?)?;
        let whole = bytes.get(..end)?;
        Some(Self {
            id: *bytes.first()?,
            contents: &whole[head.head_bytes..],
            whole,
        })
    }

    /// Returns the name of the section, which must be a custom section; `None` if it is malformed.
    fn custom_name(&self) -> Option<&'a [u8]> {
        let (bytes, length_bytes) = peek_u32(self.contents)?;
        self.contents[length_bytes..].get(..usize::try_from(bytes).ok()?)
    }
}

const TOO_LARGE: WitError = WitError::TooLarge {
    bytes_max: BYTES_MAX,
};

fn truncated() -> WitError {
    WitError::undecodable("truncated: a section extends past the end of the module")
}

/// Encodes a number as LEB128 that is padded to five bytes, so that the length of a section can be overwritten when its contents are
/// complete.
fn padded_leb(number: u32) -> [u8; 5] {
    let mut bytes = [0x80; 5];
    for (n, byte) in bytes.iter_mut().enumerate() {
        *byte |= (number >> (7 * n)) as u8 & 0x7f;
    }
    bytes[4] &= 0x7f;
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::wit::WitFacts;
    use crate::wasm::wit::tests::{component, core_module};

    fn skeleton(wat: &str) -> Result<Vec<u8>, WitError> {
        match Skeleton::of(&wat::parse_str(wat).unwrap())? {
            Skeleton::Component(bytes) | Skeleton::Module(bytes) => Ok(bytes),
        }
    }

    #[test]
    fn code_data_and_custom_sections_are_left_out() {
        let with = |fields: &str| {
            format!(
                r#"(component (core module $m (type (func (param i32) (result i64)))
                    (memory (export "m") 1) (func (export "f") (type 0) i64.const 1) {fields})
                    (core instance $i (instantiate $m))
                    (func (export "run") (param "x" s32) (result s64) (canon lift (core func $i "f"))))"#
            )
        };
        let large = format!(
            r#"(func $s) (start $s) (table 1 funcref) (elem (i32.const 0) $s) (@custom "c" "{0}") (data (i32.const 0) "{0}")"#,
            "x".repeat(10_000)
        );
        let (small, large) = (
            skeleton(&with("")).unwrap(),
            skeleton(&with(&large)).unwrap(),
        );
        assert!(
            large.len() < small.len() + 50,
            "{} {}",
            large.len(),
            small.len()
        );
        wasmparser::Validator::new().validate_all(&large).unwrap();
        let (small, large) = (WitFacts::of(&small).unwrap(), WitFacts::of(&large).unwrap());
        assert_eq!(small, large);
        assert_eq!(small.exports[0].members[0].text, "func(x: s32) -> s64");
    }

    #[test]
    fn a_skeleton_is_its_own_skeleton() {
        let wit =
            "package a:b; interface i { f: func(); } world w { import i; export run: func(); }";
        for bytes in [component(wit), core_module(wit)] {
            let Ok(Skeleton::Component(once) | Skeleton::Module(once)) = Skeleton::of(&bytes)
            else {
                panic!("a skeleton");
            };
            let Ok(Skeleton::Component(twice) | Skeleton::Module(twice)) = Skeleton::of(&once)
            else {
                panic!("a skeleton");
            };
            assert_eq!(once, twice);
        }
    }

    #[test]
    fn size_and_depth_are_bounded() {
        let import = format!(r#"(import "{}" (func))"#, "a".repeat(90_000));
        let imports = |count: usize| {
            let of = |n: usize| import.replacen('a', &format!("a{n}"), 1);
            format!("(component {})", (0..count).map(of).collect::<String>())
        };
        assert!(skeleton(&imports(40)).is_ok());
        assert!(matches!(
            skeleton(&imports(50)),
            Err(WitError::TooLarge { .. })
        ));
        let empty = wat::parse_str("(component)").unwrap();
        let nested = |depth: usize| {
            (0..depth).fold(empty.clone(), |inner, _| {
                [&empty[..], &[4], &padded_leb(inner.len() as u32), &inner].concat()
            })
        };
        assert!(Skeleton::of(&nested(DEPTH_MAX)).is_ok());
        let error = Skeleton::of(&nested(DEPTH_MAX + 1));
        assert!(matches!(error, Err(WitError::TooDeep { .. })));
    }

    #[test]
    fn malformed_sections_are_an_error() {
        let bytes = component("package a:b; world w { export run: func(); }");
        for end in 0..bytes.len() {
            // If the component is cut between two sections, the rest is a shorter component, which may be valid or not.
            if let Err(error) = Skeleton::of(&bytes[..end]) {
                let is_known = matches!(error, WitError::Undecodable(_) | WitError::CoreModule);
                assert!(is_known, "{end}: {error:?}");
            }
        }
    }
}
