//! Copies of modules that contain only what WIT depends on.

use super::WitError;
use crate::wasm::limits::{SectionHeader, peek_u32};

/// The maximum length of a skeleton, in bytes. Those of components that import all of WASI have less than 200 KB.
const BYTES_MAX: usize = 4 << 20;
/// The maximum depth of components within components.
const DEPTH_MAX: usize = 100;

/// The magic number and version of a module or component, in bytes.
const PREAMBLE_BYTES: usize = 8;
/// The layer in the preamble of a component, which distinguishes it from a core module.
const COMPONENT_LAYER: u8 = 1;
/// `unreachable`, a function body that is valid for every type: its length, no locals, `unreachable`, `end`.
const BODY: [u8; 4] = [3, 0, 0x00, 0x0b];

/// The part of a module that WIT depends on.
#[derive(Debug)]
pub(in crate::wasm) enum Skeleton {
    /// A component with the same types: nested core modules have no code and no data, and there are no custom sections except the
    /// documentation of a package.
    Component(Vec<u8>),
    /// An empty core module with only the `component-type` sections of the original, of which there is at least one.
    Module(Vec<u8>),
}

impl Skeleton {
    /// Copies the sections that WIT depends on. The work is bounded, and so are the bytes that the decoder gets.
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

/// Returns whether `bytes` begin like a component.
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
                // Types, imports, functions, tables, memories, globals, exports and tags.
                1..=7 | 13 => self.push(section.whole)?,
                10 => self.nested(10, |copy| copy.bodies(functions))?,
                // Custom sections, the start function, elements and data do not change the type of a module.
                _ => {}
            }
            if section.id == 3 {
                functions = peek_u32(section.contents).map_or(0, |(count, _)| count);
            }
        }
        Ok(())
    }

    /// Adds the contents of a code section with `functions` functions.
    fn bodies(&mut self, functions: u32) -> Result<(), WitError> {
        let count = functions as usize;
        let bodies_bytes = count.saturating_mul(BODY.len());
        if bodies_bytes > BYTES_MAX {
            return Err(TOO_LARGE);
        }
        self.push(&padded_leb(functions))?;
        self.push(&BODY.repeat(count))
    }

    /// Adds the `component-type` sections of a core module, in which tools embed the world that the module was written for.
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

    /// Adds a preamble, and returns the sections after it.
    fn sections<'a>(
        &mut self,
        bytes: &'a [u8],
    ) -> Result<impl Iterator<Item = Result<Section<'a>, WitError>> + use<'a>, WitError> {
        let (preamble, mut rest) = bytes
            .split_at_checked(PREAMBLE_BYTES)
            .ok_or_else(truncated)?;
        self.push(preamble)?;
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

    /// Adds a section whose contents `add` adds.
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
        // The limit on the copy is far below `u32::MAX`.
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

/// A section of a module or component.
struct Section<'a> {
    id: u8,
    contents: &'a [u8],
    /// The section with its header.
    whole: &'a [u8],
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

    /// Returns the name of a custom section.
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

/// Encodes a number as LEB128 in five bytes, so that the length of a section can be set after its contents are known.
fn padded_leb(number: u32) -> [u8; 5] {
    let mut bytes = [0x80; 5];
    for (n, byte) in bytes.iter_mut().enumerate() {
        *byte |= (number >> (7 * n)) as u8 & 0x7f;
    }
    bytes[4] &= 0x7f;
    bytes
}
