//! Archives of modules, in the formats of tar(5): ustar, pax (POSIX.1-2001) and GNU.
//!
//! A client that sends several modules in one request writes an archive, and a server parses it as it arrives. The parser is our own code
//! because that of the `tar` crate reads from a source that blocks, and would occupy a thread as long as a slow client sends.

mod error;
mod extension;
mod parse;
#[cfg(test)]
mod tests;
mod write;

pub use error::ArchiveError;
pub use parse::{ArchiveEvent, ArchiveParser};
pub use write::{ARCHIVE_END, entry_header, padding_bytes};

/// The size of a block, in bytes. Headers and contents begin at a multiple of it.
const BLOCK_BYTES: usize = 512;
