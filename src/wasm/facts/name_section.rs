//! Decodes the names of a module and of its functions from the [name
//! section](https://webassembly.github.io/spec/core/appendix/custom.html#name-section).

use crate::wasm::limits::peek_u32;

const MODULE_NAME: u8 = 0;
const FUNCTION_NAMES: u8 = 1;

/// The maximum length of a name, in bytes. It is the same limit as in `wasmparser`. After a longer name, the rest of the section is
/// ignored.
const NAME_BYTES_MAX: usize = 100_000;
/// The maximum length of a LEB128-encoded number of 32 bits, in bytes.
const LEB_BYTES_MAX: usize = 5;

/// A name in the name section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name<'a> {
    Module(&'a str),
    /// The index and the name of a function. The indices of successive names increase.
    Function(u32, &'a str),
}

/// Decodes a name section that arrives in pieces. The memory that the decoder uses is limited, whatever the length of the section.
///
/// After a malformed entry, the rest of the section is ignored. It is not an error, because custom sections are not validated.
#[derive(Debug, Default)]
pub(super) struct NameSection {
    position: Position,
    /// The bytes of an incomplete entry at the end of the last piece.
    pending: Vec<u8>,
    /// How many of the next bytes are skipped, because they are in a subsection that is not decoded.
    skip_bytes: u64,
}

#[derive(Debug, Default)]
enum Position {
    #[default]
    Subsection,
    /// The next bytes are the name of the module.
    ModuleName,
    /// The next bytes are the number of function names. The value is the length of the rest of the subsection, in bytes.
    Count(u64),
    /// The next bytes are an entry with the name of a function, unless all these entries were read.
    Functions {
        entries: u32,
        left_bytes: u64,
        /// The lowest index that the next entry may have.
        next_index: u32,
    },
    End,
}

/// The reason why an entry could not be decoded.
enum DecodeError {
    /// The entry is incomplete. More bytes are needed.
    Incomplete,
    Malformed,
}

impl NameSection {
    /// Decodes the next bytes. Calls `found` with each complete name.
    pub(super) fn feed(&mut self, mut bytes: &[u8], found: &mut impl FnMut(Name<'_>)) {
        if self.pending.is_empty() {
            let used = self.decode(bytes, found);
            bytes = &bytes[used..];
            self.pending.extend_from_slice(bytes);
            return;
        }
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(bytes);
        let used = self.decode(&pending, found);
        pending.drain(..used);
        self.pending = pending;
    }

    /// Decodes all complete entries in `bytes`, and returns the number of decoded or skipped bytes.
    fn decode(&mut self, bytes: &[u8], found: &mut impl FnMut(Name<'_>)) -> usize {
        let mut used = 0;
        loop {
            let skipped = usize::try_from(self.skip_bytes)
                .map_or(bytes.len() - used, |skip| skip.min(bytes.len() - used));
            used += skipped;
            self.skip_bytes -= skipped as u64;
            if matches!(self.position, Position::End) {
                return bytes.len();
            }
            if used == bytes.len() {
                return used;
            }
            match self.step(&bytes[used..], found) {
                Ok(step) => used += step,
                Err(DecodeError::Incomplete) => return used,
                Err(DecodeError::Malformed) => self.position = Position::End,
            }
        }
    }

    /// Decodes the entry at the start of `bytes`, and returns its length.
    fn step(
        &mut self,
        bytes: &[u8],
        found: &mut impl FnMut(Name<'_>),
    ) -> Result<usize, DecodeError> {
        match &mut self.position {
            Position::Subsection => {
                let (size, used) = number(&bytes[1..])?;
                match bytes[0] {
                    MODULE_NAME => self.position = Position::ModuleName,
                    FUNCTION_NAMES => self.position = Position::Count(u64::from(size)),
                    _ => self.skip_bytes = u64::from(size),
                }
                Ok(1 + used)
            }
            Position::ModuleName => {
                let (name, used) = string(bytes)?;
                found(Name::Module(name));
                self.position = Position::Subsection;
                Ok(used)
            }
            Position::Count(size) => {
                let (entries, used) = number(bytes)?;
                let left_bytes = size
                    .checked_sub(used as u64)
                    .ok_or(DecodeError::Malformed)?;
                self.position = Position::Functions {
                    entries,
                    left_bytes,
                    next_index: 0,
                };
                Ok(used)
            }
            Position::Functions { entries: 0, .. } => {
                // The subsections after this one have no names of functions, so they are ignored.
                self.position = Position::End;
                Ok(0)
            }
            Position::Functions {
                entries,
                left_bytes,
                next_index,
            } => {
                let (index, index_bytes) = number(bytes)?;
                let (name, name_bytes) = string(&bytes[index_bytes..])?;
                let used = index_bytes + name_bytes;
                if used as u64 > *left_bytes || index < *next_index {
                    return Err(DecodeError::Malformed);
                }
                *left_bytes -= used as u64;
                *entries -= 1;
                *next_index = index.saturating_add(1);
                found(Name::Function(index, name));
                Ok(used)
            }
            Position::End => Err(DecodeError::Malformed),
        }
    }
}

/// Decodes the LEB128 number at the start of `bytes`. Returns the number and the length of its encoding in bytes.
fn number(bytes: &[u8]) -> Result<(u32, usize), DecodeError> {
    match peek_u32(bytes) {
        Some(number) => Ok(number),
        None if bytes.len() < LEB_BYTES_MAX => Err(DecodeError::Incomplete),
        None => Err(DecodeError::Malformed),
    }
}

/// Decodes a length and then a text of that length at the start of `bytes`. Returns the text and the total length of both in bytes.
fn string(bytes: &[u8]) -> Result<(&str, usize), DecodeError> {
    let (length, start) = number(bytes)?;
    let length = usize::try_from(length).map_err(|_| DecodeError::Malformed)?;
    if length > NAME_BYTES_MAX {
        return Err(DecodeError::Malformed);
    }
    let end = start + length;
    let text = bytes.get(start..end).ok_or(DecodeError::Incomplete)?;
    let text = std::str::from_utf8(text).map_err(|_| DecodeError::Malformed)?;
    Ok((text, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the names that are decoded from `section` if it arrives in pieces of `piece_bytes` bytes.
    fn names(section: &[u8], piece_bytes: usize) -> Vec<String> {
        let (mut decoder, mut names) = (NameSection::default(), Vec::new());
        for piece in section.chunks(piece_bytes) {
            decoder.feed(piece, &mut |name| {
                names.push(match name {
                    Name::Module(name) => format!("module {name}"),
                    Name::Function(index, name) => format!("{index} {name}"),
                });
            });
            assert!(decoder.pending.len() <= NAME_BYTES_MAX + piece_bytes);
        }
        names
    }

    fn all(section: &[u8]) -> Vec<String> {
        let whole = names(section, section.len().max(1));
        for piece_bytes in 1..section.len().min(40) {
            assert_eq!(names(section, piece_bytes), whole, "{piece_bytes}");
        }
        whole
    }

    #[test]
    fn names_are_decoded_from_pieces_of_any_length() {
        let section = b"\x00\x02\x01m\x09\x03abc\x01\x08\x02\x01\x01a\x05\x02\xc3\xa9\x02\x01\x00";
        assert_eq!(all(section), ["module m", "1 a", "5 é"]);
        assert_eq!(all(b""), [""; 0]);
    }

    #[test]
    fn false_entries_end_the_names() {
        // In this order: the number of entries is too large; an entry is longer than the rest of the subsection; invalid UTF-8; indices
        // that do not increase; a name that is too long.
        assert_eq!(all(b"\x01\x04\x09\x00\x01a"), ["0 a"]);
        assert_eq!(all(b"\x01\x04\x02\x00\x01a\x01\x01b"), ["0 a"]);
        assert_eq!(all(b"\x01\x07\x02\x00\x01\xff\x01\x01b"), [""; 0]);
        assert_eq!(all(b"\x01\x07\x02\x03\x01a\x03\x01b"), ["3 a"]);
        assert_eq!(
            all(b"\x01\xff\xff\xff\x0f\x01\x00\xff\xff\xff\x0fabc"),
            [""; 0]
        );
        assert_eq!(all(b"\x01\x01\xff\xff\xff\xff\xff\xff"), [""; 0]);
        assert_eq!(all(b"\x01\x00\x00"), [""; 0]);
    }
}
