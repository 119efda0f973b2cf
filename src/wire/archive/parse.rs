//! Parses an archive that arrives in pieces.

use tar::{EntryType, Header};

use super::BLOCK_BYTES;
use super::error::ArchiveError;
use super::extension::{EXTENSION_BYTES_MAX, EntryExtension, ExtensionKind, SPARSE};
use super::write::padding_bytes;
use crate::names::printable_excerpt;

/// The maximum number of zero bytes after the end of an archive. tar(1) pads an archive with zeros to a multiple of its record size, which
/// is 10 KiB by default.
const TRAILER_BYTES_MAX: u64 = 1 << 20;

/// An event of the parser: the start, the next bytes or the end of a file in the archive.
#[derive(Debug, PartialEq, Eq)]
pub enum ArchiveEvent<'b> {
    /// A file begins. Its name has no `.` segments, and is not checked any further.
    Begin {
        /// The name of the file.
        name: String,
        /// The size of the file, in bytes.
        size_bytes: u64,
    },
    /// The next bytes of the file.
    Bytes(&'b [u8]),
    /// All bytes of the file that began last were returned. Another file may begin.
    End,
}

/// A parser of an archive. It skips directories, and rejects links, devices and other special files.
#[derive(Debug, Default)]
pub struct ArchiveParser {
    step: Step,
    /// The first bytes of a header or an extended header that is not complete yet.
    buffer: Vec<u8>,
    extension: EntryExtension,
    /// The name of the last entry, for errors.
    last_name: Option<Vec<u8>>,
}

/// The kind of bytes that the parser expects next.
#[derive(Clone, Copy, Debug, Default)]
enum Step {
    /// A header, or the zeros at the end of the archive.
    #[default]
    Header,
    /// The content of an extended header of this size in bytes.
    Extension(ExtensionKind, u64),
    /// The rest of a file's content, and then its padding.
    Content { left_bytes: u64, padding_bytes: u64 },
    /// This many bytes that are ignored, such as padding.
    Skip(u64),
    /// Zeros after the end of the archive; this is the number of zeros so far.
    Trailer(u64),
}

impl ArchiveParser {
    /// Parses the next bytes, and removes the parsed ones from the beginning of `bytes`. Returns `None` when it needs more bytes.
    ///
    /// # Errors
    /// The archive is damaged, or has an entry that is neither a file nor a directory.
    pub fn next<'b>(
        &mut self,
        bytes: &mut &'b [u8],
    ) -> Result<Option<ArchiveEvent<'b>>, ArchiveError> {
        loop {
            match self.step {
                Step::Content {
                    left_bytes: 0,
                    padding_bytes,
                } => {
                    self.step = Step::Skip(padding_bytes);
                    return Ok(Some(ArchiveEvent::End));
                }
                Step::Skip(0) => self.step = Step::Header,
                Step::Extension(kind, size_bytes) if self.buffer.len() as u64 == size_bytes => {
                    let content = std::mem::take(&mut self.buffer);
                    let name = self.last_name.as_deref().unwrap_or_default();
                    self.extension.add(kind, &content, name)?;
                    self.step = Step::Skip(padding_bytes(size_bytes) as u64);
                }
                _ if bytes.is_empty() => return Ok(None),
                Step::Content {
                    left_bytes,
                    padding_bytes,
                } => {
                    let content = take(bytes, left_bytes);
                    self.step = Step::Content {
                        left_bytes: left_bytes - content.len() as u64,
                        padding_bytes,
                    };
                    return Ok(Some(ArchiveEvent::Bytes(content)));
                }
                Step::Skip(left) => self.step = Step::Skip(left - take(bytes, left).len() as u64),
                Step::Extension(_, size_bytes) => {
                    let missing = size_bytes - self.buffer.len() as u64;
                    self.buffer.extend_from_slice(take(bytes, missing));
                }
                Step::Trailer(count) => {
                    let zeros = take(bytes, u64::MAX);
                    let count = count + zeros.len() as u64;
                    if count > TRAILER_BYTES_MAX || zeros.iter().any(|byte| *byte != 0) {
                        return Err(ArchiveError::AfterEnd);
                    }
                    self.step = Step::Trailer(count);
                }
                Step::Header => {
                    let missing = BLOCK_BYTES - self.buffer.len();
                    self.buffer.extend_from_slice(take(bytes, missing as u64));
                    if self.buffer.len() == BLOCK_BYTES {
                        let block = std::mem::take(&mut self.buffer);
                        if let Some(begin) = self.begin_entry(&block)? {
                            return Ok(Some(begin));
                        }
                    }
                }
            }
        }
    }

    /// Checks that the archive is complete. The caller has passed all its bytes to [`next`](Self::next).
    ///
    /// # Errors
    /// The end of the archive is missing. If tar(1) is interrupted, possibly between two entries, the end is not written.
    pub fn finish(self) -> Result<(), ArchiveError> {
        match self.step {
            Step::Trailer(_) => Ok(()),
            _ => Err(ArchiveError::Truncated),
        }
    }

    fn begin_entry(&mut self, block: &[u8]) -> Result<Option<ArchiveEvent<'static>>, ArchiveError> {
        if block.iter().all(|byte| *byte == 0) {
            self.step = Step::Trailer(0);
            return Ok(None);
        }
        let header = Header::from_byte_slice(block);
        let (true, Ok(own_size)) = (has_checksum(header, block), header.entry_size()) else {
            return Err(match &self.last_name {
                None => ArchiveError::NotAnArchive,
                Some(name) => {
                    let name = String::from_utf8_lossy(name);
                    ArchiveError::Damaged(printable_excerpt(&name))
                }
            });
        };
        if let Some(kind) = extension_kind(header.entry_type()) {
            self.last_name = Some(header.path_bytes().into_owned());
            if own_size > EXTENSION_BYTES_MAX {
                let reason = "its extended header is larger than 64 KiB";
                return Err(ArchiveError::entry(&header.path_bytes(), reason));
            }
            self.step = Step::Extension(kind, own_size);
            return Ok(None);
        }
        let extension = std::mem::take(&mut self.extension);
        let name = extension
            .name
            .unwrap_or_else(|| header.path_bytes().into_owned());
        let size_bytes = extension.size_bytes.unwrap_or(own_size);
        self.last_name = Some(name.clone());
        if let Some(reason) = refusal(header.entry_type()) {
            return Err(ArchiveError::entry(&name, reason));
        }
        // The tar formats before ustar have no type for directories, only a slash at the end of the name.
        if header.entry_type().is_dir() || (name.ends_with(b"/") && size_bytes == 0) {
            self.step = Step::Skip(size_bytes.saturating_add(padding_bytes(size_bytes) as u64));
            return Ok(None);
        }
        self.step = Step::Content {
            left_bytes: size_bytes,
            padding_bytes: padding_bytes(size_bytes) as u64,
        };
        let name = file_name(&name)?;
        Ok(Some(ArchiveEvent::Begin { name, size_bytes }))
    }
}

fn extension_kind(entry_type: EntryType) -> Option<ExtensionKind> {
    match entry_type {
        EntryType::XHeader => Some(ExtensionKind::Pax),
        EntryType::XGlobalHeader => Some(ExtensionKind::PaxGlobal),
        EntryType::GNULongName => Some(ExtensionKind::GnuName),
        EntryType::GNULongLink => Some(ExtensionKind::GnuLink),
        _ => None,
    }
}

/// Returns the reason why an entry of this type is rejected; `None` if it is accepted.
fn refusal(entry_type: EntryType) -> Option<&'static str> {
    match entry_type {
        EntryType::Regular | EntryType::Continuous | EntryType::Directory => None,
        EntryType::Symlink => {
            Some("it is a symbolic link; archive the file itself with --dereference")
        }
        EntryType::Link => {
            Some("it is a hard link; archive the file itself with --hard-dereference")
        }
        EntryType::GNUSparse => Some(SPARSE),
        EntryType::Char | EntryType::Block | EntryType::Fifo => {
            Some("it is a device or a FIFO, not a file")
        }
        _ => Some("it is neither a file nor a directory"),
    }
}

/// Returns the name of a file, relative to the directory that the archive is unpacked to.
fn file_name(name: &[u8]) -> Result<String, ArchiveError> {
    let Ok(text) = std::str::from_utf8(name) else {
        return Err(ArchiveError::entry(name, "its name is not UTF-8"));
    };
    if text.starts_with('/') {
        return Err(ArchiveError::entry(name, "its name is absolute"));
    }
    let segments = text.split('/').filter(|segment| *segment != ".");
    Ok(segments.collect::<Vec<_>>().join("/"))
}

/// Returns whether the checksum of a header is correct. It is the sum of all bytes of the header, where the bytes of the checksum itself
/// count as spaces.
fn has_checksum(header: &Header, block: &[u8]) -> bool {
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    let expected = sum(&block[..148]) + 8 * u32::from(b' ') + sum(&block[156..]);
    header.cksum().is_ok_and(|checksum| checksum == expected)
}

/// Removes and returns the first bytes, at most `count`.
fn take<'b>(bytes: &mut &'b [u8], count: u64) -> &'b [u8] {
    let count = usize::try_from(count).map_or(bytes.len(), |count| count.min(bytes.len()));
    let (taken, rest) = bytes.split_at(count);
    *bytes = rest;
    taken
}
