//! A module that is read from a store, in a local directory or behind a server.

use std::io::{self, Read};

use crate::names::ModuleHash;

/// A module whose bytes can be read.
pub struct ModuleReader<'s> {
    /// The hash of the module.
    pub hash: ModuleHash,
    /// The module's length, in bytes.
    pub size_bytes: u64,
    pub(super) source: Box<dyn Read + 's>,
}

/// If a download fails, `read` returns an [`io::Error`] that contains this subsystem's [`Error`](super::Error); see
/// [`io::Error::downcast`].
impl Read for ModuleReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.source.read(buffer)
    }
}
