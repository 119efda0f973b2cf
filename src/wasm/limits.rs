//! Checks the declared lengths of sections and function bodies against limits before any memory is used for them.
//!
//! `wasmparser` has limits of its own, but checks them only when a complete section or function body is in memory. Besides, if imports have
//! the compact encoding, `wasmparser` copies the name of the imported module for each import.

use wasmparser::{BinaryReader, Encoding, ImportSectionReader, Imports};

use super::Error;

/// The maximum length of a function body, in bytes. It is the limit of the [JavaScript
/// API](https://webassembly.github.io/spec/js-api/#limits), which `wasmparser` also applies.
pub(super) const FUNCTION_BYTES_MAX: u32 = 7_654_321;

const CUSTOM_SECTION: u8 = 0;

/// The header of a section: the id, and the length of the contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SectionHeader {
    id: u8,
    /// The length of the contents, in bytes.
    pub(super) contents_bytes: u32,
    /// The length of the header, in bytes.
    pub(super) head_bytes: usize,
}

impl SectionHeader {
    /// Reads the header of the section at the start of `data`. Returns `None` if the header is incomplete or malformed.
    pub(super) fn peek(data: &[u8]) -> Option<Self> {
        let (id, rest) = data.split_first()?;
        let (contents_bytes, length_bytes) = peek_u32(rest)?;
        Some(Self {
            id: *id,
            contents_bytes,
            head_bytes: 1 + length_bytes,
        })
    }

    /// Returns whether the section is a custom section. The contents of a custom section do not have to be validated.
    pub(super) fn is_custom(self) -> bool {
        self.id == CUSTOM_SECTION
    }

    /// Returns whether the contents of the section are processed in pieces, so that they are never in memory as a whole. This applies to
    /// the code section, and to nested modules and components.
    fn is_streamed(self, encoding: Encoding) -> bool {
        match encoding {
            Encoding::Module => self.id == 10,
            Encoding::Component => matches!(self.id, 1 | 4),
        }
    }
}

/// Checks the header of the section at the start of `data`. Rejects the section if its id is unknown, or if it is longer than `bytes_max`
/// and must be in memory as a whole. `offset` is the offset of the section in the module.
pub(super) fn check_section(
    data: &[u8],
    offset: u64,
    encoding: Encoding,
    bytes_max: u32,
) -> Result<(), Error> {
    let id_max = match encoding {
        Encoding::Module => 13,
        Encoding::Component => 11,
    };
    if let Some(id) = data.first().filter(|id| **id > id_max) {
        let reason = format!(
            "unknown section id {id:#04x}: trailing bytes, or a damaged {}",
            name(encoding)
        );
        return Err(Error::invalid(reason, offset));
    }
    let Some(head) = SectionHeader::peek(data) else {
        return Ok(());
    };
    if head.contents_bytes <= bytes_max || head.is_custom() || head.is_streamed(encoding) {
        return Ok(());
    }
    Err(Error::SectionTooLarge {
        offset,
        bytes: u64::from(head.contents_bytes),
        bytes_max,
    })
}

/// Checks the declared length of the function body at the start of `data`. Rejects the body if it is longer than [`FUNCTION_BYTES_MAX`], or
/// longer than `section_bytes`, the length of the rest of the code section. `offset` is the offset of the body in the module.
pub(super) fn check_body(data: &[u8], offset: u64, section_bytes: u32) -> Result<(), Error> {
    let Some((body_bytes, length_bytes)) = peek_u32(data) else {
        return Ok(());
    };
    if body_bytes > FUNCTION_BYTES_MAX {
        let reason = format!("function body size count exceeds limit of {FUNCTION_BYTES_MAX}");
        return Err(Error::invalid(reason, offset + length_bytes as u64));
    }
    if u64::from(body_bytes) + length_bytes as u64 > u64::from(section_bytes) {
        return Err(Error::invalid(
            "a function body extends past the end of the code section",
            offset,
        ));
    }
    Ok(())
}

/// Rejects an import section in the compact encoding if the copies that `wasmparser` makes of module names, one for each import, would be
/// longer than `bytes_max` in total.
pub(super) fn check_imports(
    section: &ImportSectionReader<'_>,
    bytes_max: u32,
) -> Result<(), Error> {
    let mut bytes: u64 = 0;
    // Malformed imports are ignored here, because the validator rejects them with a better reason.
    for imports in section.clone().into_iter().map_while(Result::ok) {
        let (module, count) = match imports {
            Imports::Single(..) => continue,
            Imports::Compact1 { module, items } => (module, items.count()),
            Imports::Compact2 { module, names, .. } => (module, names.count()),
        };
        bytes = bytes.saturating_add(u64::from(count).saturating_mul(module.len() as u64));
    }
    if bytes <= u64::from(bytes_max) {
        return Ok(());
    }
    Err(Error::SectionTooLarge {
        offset: section.range().start,
        bytes,
        bytes_max,
    })
}

/// Reads the LEB128 number at the start of `data`. Returns the number and the length of its encoding in bytes, or `None` if it is
/// incomplete or malformed.
pub(super) fn peek_u32(data: &[u8]) -> Option<(u32, usize)> {
    let mut reader = BinaryReader::new(data, 0);
    let number = reader.read_var_u32().ok()?;
    Some((number, reader.current_position()))
}

fn name(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Module => "module",
        Encoding::Component => "component",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_rejected_by_its_header() {
        let check = |data: &[u8], encoding| check_section(data, 8, encoding, 300);
        let too_large =
            "a section of 301 bytes is larger than 300 bytes (--max-section-bytes; at offset 0x8)";
        for id in [1, 2, 7, 11] {
            assert!(check(&[id, 0xac, 2], Encoding::Module).is_ok());
            let error = check(&[id, 0xad, 2], Encoding::Module).unwrap_err();
            assert_eq!(error.to_string(), too_large);
        }
        for (id, encoding) in [
            (0, Encoding::Module),
            (10, Encoding::Module),
            (0, Encoding::Component),
            (1, Encoding::Component),
            (4, Encoding::Component),
        ] {
            assert!(check(&[id, 0xad, 2], encoding).is_ok());
        }
        assert!(
            check(&[11, 0xad], Encoding::Module).is_ok(),
            "not known yet"
        );
        assert!(check(&[12], Encoding::Component).is_err());
        assert!(check(&[14], Encoding::Module).is_err());
        assert!(check(&[], Encoding::Module).is_ok());
    }

    #[test]
    fn a_body_is_rejected_by_its_length() {
        let of = |bytes: u32| {
            let mut leb = Vec::new();
            leb.extend((0..4).map(|n| (bytes >> (7 * n)) as u8 | 0x80));
            leb.push((bytes >> 28) as u8);
            leb
        };
        assert!(check_body(&of(FUNCTION_BYTES_MAX), 0, u32::MAX).is_ok());
        let error = check_body(&of(FUNCTION_BYTES_MAX + 1), 0x10, u32::MAX).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("limit of 7654321 (at offset 0x15)"),
            "{error}"
        );
        assert!(check_body(&of(10), 0, 15).is_ok());
        assert!(check_body(&of(10), 0, 14).is_err());
    }
}
