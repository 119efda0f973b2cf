//! Writes the headers of an archive.

use tar::{EntryType, Header};

use super::BLOCK_BYTES;

/// The end of an archive: two blocks of zeros.
pub const ARCHIVE_END: [u8; 2 * BLOCK_BYTES] = [0; 2 * BLOCK_BYTES];

/// Returns the header of a file. If the name does not fit into the header, an extended header in the pax format precedes it.
pub fn entry_header(name: &str, size_bytes: u64) -> Vec<u8> {
    let mut blocks = Vec::with_capacity(BLOCK_BYTES);
    let mut header = header(EntryType::Regular, size_bytes);
    if header.set_path(name).is_err() {
        let record = pax_record("path", name);
        let mut extension = self::header(EntryType::XHeader, record.len() as u64);
        extension.set_cksum();
        blocks.extend_from_slice(extension.as_bytes());
        blocks.extend_from_slice(record.as_bytes());
        blocks.resize(blocks.len() + padding_bytes(record.len() as u64), 0);
        header = self::header(EntryType::Regular, size_bytes);
    }
    header.set_cksum();
    blocks.extend_from_slice(header.as_bytes());
    blocks
}

/// Returns the number of zeros that follow the content of a file of this size.
pub fn padding_bytes(size_bytes: u64) -> usize {
    let rest = (size_bytes % BLOCK_BYTES as u64) as usize;
    (BLOCK_BYTES - rest) % BLOCK_BYTES
}

fn header(entry_type: EntryType, size_bytes: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(entry_type);
    header.set_size(size_bytes);
    header.set_mode(0o644);
    header
}

/// Returns a record of an extended header in the pax format. It begins with its length, which includes the digits of the length itself.
fn pax_record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len();
    loop {
        let record = format!("{length}{rest}");
        if record.len() == length {
            return record;
        }
        length = record.len();
    }
}
