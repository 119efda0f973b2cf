//! Archives of modules, in the formats of tar(5): ustar, pax (POSIX.1-2001) and GNU.
//!
//! A client that sends several modules in one request writes an archive, and the server parses it while it arrives. The parser is our own
//! code, because the parser of the `tar` crate reads from a blocking source, so a slow client would occupy a thread.

mod error;
mod extension;
mod parse;
#[cfg(test)]
mod tests;
mod write;

pub use error::ArchiveError;
pub use parse::{ArchiveEvent, ArchiveParser};
pub use write::{ARCHIVE_END, entry_header, padding_bytes};

/// The size of a block, in bytes. Headers and contents begin at multiples of this size.
const BLOCK_BYTES: usize = 512;
