//! Skips long custom sections: reads only their names. The contents are never in memory as a whole.

use wasmparser::{BinaryReader, Chunk, Parser};

use super::Error;
use super::limits::{SectionHeader, peek_u32};

/// The maximum length of a custom section, in bytes, that is read like any other section. A longer one is skipped.
pub(super) const CUSTOM_BYTES_MAX: u32 = 64 << 10;

/// The maximum length of the name of a custom section, in bytes. It is the same limit as in `wasmparser`. A longer name is rejected as soon
/// as its length is known.
const CUSTOM_NAME_BYTES_MAX: u32 = 100_000;

/// The maximum length of a filler section, in bytes. A filler section is a custom section without a name, filled with zeros. The parser
/// gets it instead of the skipped bytes.
const FILLER_BYTES_MAX: u64 = 64 << 10;
/// The minimum length of the last filler section, in bytes. The filler section before it is made shorter if necessary, so that the header
/// of the last one fits.
const FILLER_BYTES_MIN: u64 = 16;

/// The result of [`read_name`]: the section with its name, or the number of bytes that are needed to read the name.
pub(super) enum Skip<'a> {
    /// The name was read, so the section can be skipped.
    Named(SkippedSection<'a>),
    /// The name is incomplete. At least this number of bytes, from the start of the section, are needed to read it.
    Need(usize),
}

/// A custom section that is skipped.
pub(super) struct SkippedSection<'a> {
    /// The name of the section.
    pub(super) name: &'a str,
    /// The offset of the section in the module, in bytes.
    pub(super) offset: u64,
    /// The length of the section with its header, in bytes.
    pub(super) section_bytes: u64,
    /// The offset of the contents in the section, in bytes: the length of the header and the name.
    pub(super) contents_start: usize,
}

/// Reads the name of the custom section at the start of `data`. `offset` is the offset of the section in the module, and `head` is its
/// header.
pub(super) fn read_name(data: &[u8], offset: u64, head: SectionHeader) -> Result<Skip<'_>, Error> {
    let contents = &data[head.head_bytes..];
    let contents_offset = offset + head.head_bytes as u64;
    let mut reader = BinaryReader::new(contents, contents_offset);
    match peek_u32(contents) {
        None if contents.len() < 5 => return Ok(Skip::Need(data.len() + 1)),
        None => {}
        Some((name_bytes, length_bytes)) => {
            let end = u64::from(name_bytes) + length_bytes as u64;
            if end > u64::from(head.contents_bytes) {
                let reason = "the name of a custom section extends past its end";
                return Err(Error::invalid(reason, contents_offset));
            }
            if end > contents.len() as u64 && name_bytes <= CUSTOM_NAME_BYTES_MAX {
                return Ok(Skip::Need(
                    head.head_bytes + length_bytes + name_bytes as usize,
                ));
            }
        }
    }
    Ok(Skip::Named(SkippedSection {
        name: reader.read_string()?,
        offset,
        section_bytes: head.head_bytes as u64 + u64::from(head.contents_bytes),
        contents_start: head.head_bytes + reader.current_position(),
    }))
}

/// Advances the position of a parser by `bytes`. The parser must be positioned before a section. It receives custom sections without a
/// name, whose total length is `bytes`, instead of the skipped section.
///
/// The reason for this workaround: a parser has no method to skip a section. It checks the order of sections, but custom sections may be
/// anywhere.
pub(super) fn advance(parser: &mut Parser, mut bytes: u64) -> Result<(), Error> {
    let mut filler = vec![0; bytes.min(FILLER_BYTES_MAX) as usize];
    while bytes > 0 {
        let piece_bytes = if bytes > FILLER_BYTES_MAX {
            FILLER_BYTES_MAX.min(bytes - FILLER_BYTES_MIN)
        } else {
            bytes
        };
        let contents_bytes = piece_bytes as u32 - 6;
        for (n, byte) in filler[1..6].iter_mut().enumerate() {
            *byte = (contents_bytes >> (7 * n)) as u8 & 0x7f | if n < 4 { 0x80 } else { 0 };
        }
        match parser.parse(&filler[..piece_bytes as usize], false)? {
            Chunk::Parsed { consumed, .. } if consumed as u64 == piece_bytes => {
                bytes -= piece_bytes
            }
            chunk => unreachable!("BUG: a custom section of {piece_bytes} bytes became {chunk:?}"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parser_advances_by_exactly_the_given_bytes() {
        let mut parser = Parser::new(0);
        parser.parse(b"\0asm\x01\0\0\0", false).unwrap();
        let lengths = [
            FILLER_BYTES_MIN,
            FILLER_BYTES_MAX,
            FILLER_BYTES_MAX + 1,
            FILLER_BYTES_MAX + FILLER_BYTES_MIN,
            3 * FILLER_BYTES_MAX + 7,
        ];
        let mut offset = 8;
        for bytes in lengths {
            advance(&mut parser, bytes).unwrap();
            offset += bytes;
            assert_eq!(parser.offset(), offset);
        }
    }

    #[test]
    fn exactly_the_bytes_of_a_name_are_requested() {
        let data = b"\0\xff\xff\x7f\x03abcdef";
        let head = SectionHeader::peek(data).unwrap();
        assert!(matches!(read_name(&data[..4], 0, head), Ok(Skip::Need(5))));
        assert!(matches!(read_name(&data[..6], 0, head), Ok(Skip::Need(8))));
        let Ok(Skip::Named(section)) = read_name(&data[..8], 0, head) else {
            panic!("the name is there");
        };
        assert_eq!((section.name, section.contents_start), ("abc", 8));
        assert_eq!(section.section_bytes, 4 + 0x1f_ffff);
    }
}
