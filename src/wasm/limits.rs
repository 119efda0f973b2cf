//! What is refused before it costs memory: parts that are too long by what they say of themselves.
//!
//! `wasmparser` limits what it reads, but wants a section or a function body in memory whole first, and copies a module's
//! name for each import that the compact encoding gives it.

use wasmparser::{BinaryReader, Encoding, ImportSectionReader, Imports};

use super::Error;

/// The longest function body, in bytes: the limit of the
/// [JavaScript API](https://webassembly.github.io/spec/js-api/#limits), which `wasmparser` keeps too.
pub(super) const FUNCTION_BYTES_MAX: u32 = 7_654_321;

const CUSTOM_SECTION: u8 = 0;

/// The head of a section: its id and the length of its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SectionHead {
    id: u8,
    /// The length of the contents, in bytes.
    pub(super) contents_bytes: u32,
    /// The length of the head itself, in bytes.
    pub(super) head_bytes: usize,
}

impl SectionHead {
    /// Reads the head of the section that `data` begins with; none if it is cut short or malformed.
    pub(super) fn peek(data: &[u8]) -> Option<Self> {
        let (id, rest) = data.split_first()?;
        let (contents_bytes, length_bytes) = peek_u32(rest)?;
        Some(Self {
            id: *id,
            contents_bytes,
            head_bytes: 1 + length_bytes,
        })
    }

    /// Tells whether this is a custom section, whose contents need not be read.
    pub(super) fn is_custom(self) -> bool {
        self.id == CUSTOM_SECTION
    }

    /// Tells whether the contents are taken bit by bit: code, and what is nested in components.
    fn is_streamed(self, encoding: Encoding) -> bool {
        match encoding {
            Encoding::Module => self.id == 10,
            Encoding::Component => matches!(self.id, 1 | 4),
        }
    }
}

/// Refuses the section that `data` begins with, at `offset` of the module, if it has to be held whole and is too long for
/// that, or if there is no such section.
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
    let Some(head) = SectionHead::peek(data) else {
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

/// Refuses the function body that `data` begins with, at `offset` of the module, if it is too long for a function or for
/// the `section_bytes` that are left of its section.
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
            "a function body goes past the end of the code section",
            offset,
        ));
    }
    Ok(())
}

/// Refuses imports whose names are longer than a section may be once they are written out, as `wasmparser` does.
pub(super) fn check_imports(
    section: &ImportSectionReader<'_>,
    bytes_max: u32,
) -> Result<(), Error> {
    let mut bytes: u64 = 0;
    // What cannot be read is left to the validator, which says why.
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

/// Reads a LEB128 number and tells how many bytes it takes; none if it is cut short or malformed.
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
    fn a_section_is_refused_by_its_head() {
        let check = |data: &[u8], encoding| check_section(data, 8, encoding, 300);
        let too_large = "a section of 301 bytes is larger than 300 bytes (at offset 0x8)";
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
    fn a_body_is_refused_by_its_length() {
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
