//! The bytes of a module that is put into a store.

use std::io::{self, Read, Seek};

use crate::names::Digest;

/// A reader that can start over.
pub trait SeekableRead: Read + Seek {}

impl<T: Read + Seek> SeekableRead for T {}

/// The bytes of a module that is put into a store.
pub enum ModuleSource<'s> {
    /// Bytes that can be read once, and their number if it is known.
    Stream(&'s mut dyn Read, Option<u64>),
    /// A file with this number of bytes. If an upload of the file breaks, it is resumed. With a digest, the file is rejected unless its
    /// bytes have this digest.
    File(&'s mut dyn SeekableRead, u64, Option<Digest>),
}

impl ModuleSource<'_> {
    /// Returns the number of bytes, if it is known.
    pub fn size_bytes(&self) -> Option<u64> {
        match self {
            Self::Stream(_, size_bytes) => *size_bytes,
            Self::File(_, size_bytes, _) => Some(*size_bytes),
        }
    }

    /// Returns the digest that the bytes must have; `None` if any bytes are accepted.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Stream(..) => None,
            Self::File(_, _, digest) => *digest,
        }
    }
}

impl Read for ModuleSource<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stream(stream, _) => stream.read(buffer),
            Self::File(file, ..) => file.read(buffer),
        }
    }
}
