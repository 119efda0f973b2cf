//! A file that is uploaded in chunks: it is validated when its bytes are read for the first time.

use std::io::{self, Read, SeekFrom};

use super::upload::ModuleCheck;
use crate::names::{Digest, ModulePath};
use crate::remote::error::{Error, Result};
use crate::remote::module_source::SeekableRead;
use crate::store::{self, Hashing, ModuleError};

/// A file whose chunks are uploaded, some of them more than once. Each byte is validated only once.
pub(super) struct CheckedFile<'f> {
    file: &'f mut dyn SeekableRead,
    size_bytes: u64,
    /// The number of bytes at the beginning of the file that have been validated. It stays 0 if the server already has the first chunk.
    checked_bytes: u64,
    check: ModuleCheck,
    /// The reason why a chunk could not be read.
    failure: Option<io::Error>,
}

impl<'f> CheckedFile<'f> {
    /// Wraps a file with this number of bytes.
    pub fn new(file: &'f mut dyn SeekableRead, size_bytes: u64) -> Self {
        Self {
            file,
            size_bytes,
            checked_bytes: 0,
            check: ModuleCheck::new(),
            failure: None,
        }
    }

    /// Returns the number of bytes.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Returns whether the bytes read so far cannot be the beginning of a valid module. A server of another version may decide differently.
    pub fn is_invalid(&self) -> bool {
        self.check.failure.is_some()
    }

    /// Returns a reader of a chunk.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn chunk<'c>(
        &'c mut self,
        path: &ModulePath,
        start: u64,
        length: u64,
    ) -> Result<Chunk<'c, 'f>> {
        let sought = self.file.seek(SeekFrom::Start(start));
        sought.map_err(|error| unreadable(path, error))?;
        Ok(Chunk {
            file: self,
            position: start,
            end: start + length,
        })
    }

    /// Removes and returns the error that occurred when the last chunk was read; `None` if there was none.
    pub fn take_failure(&mut self, path: &ModulePath) -> Option<Error> {
        let failure = self.failure.take()?;
        Some(unreadable(path, failure))
    }

    /// Reads the whole file and returns its digest.
    ///
    /// # Errors
    /// The file cannot be read, or has another size.
    pub fn digest(&mut self, path: &ModulePath) -> Result<Digest> {
        let mut hashing = Hashing::default();
        let rewound = self.file.rewind();
        let mut all = self.file.take(self.size_bytes.saturating_add(1));
        let read = rewound.and_then(|()| io::copy(&mut all, &mut hashing));
        if read.map_err(|error| unreadable(path, error))? != self.size_bytes {
            return Err(unreadable(path, changed()));
        }
        Ok(Digest::from_bytes(hashing.finish()))
    }

    /// Returns the file, positioned at its first byte. `path` names the module in errors.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn rewound(self, path: &ModulePath) -> Result<&'f mut dyn SeekableRead> {
        self.file
            .rewind()
            .map_err(|error| unreadable(path, error))?;
        Ok(self.file)
    }

    fn check(&mut self, position: u64, bytes: &[u8]) {
        let Some(known) = self.checked_bytes.checked_sub(position) else {
            return;
        };
        let known = usize::try_from(known).unwrap_or(usize::MAX);
        if let Some(new) = bytes.get(known..).filter(|new| !new.is_empty()) {
            self.check.write(new);
            self.checked_bytes += new.len() as u64;
        }
    }
}

/// Reads one chunk of a [`CheckedFile`].
pub(super) struct Chunk<'c, 'f> {
    file: &'c mut CheckedFile<'f>,
    position: u64,
    end: u64,
}

impl Read for Chunk<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        let length = buffer.len().min(left);
        let read = self.file.file.read(&mut buffer[..length]);
        let error = match read {
            Ok(0) if length > 0 => changed(),
            Ok(read) => {
                self.file.check(self.position, &buffer[..read]);
                self.position += read as u64;
                return Ok(read);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => error,
        };
        let ending = error.kind().into();
        self.file.failure = Some(error);
        Err(ending)
    }
}

fn changed() -> io::Error {
    io::Error::other("the file changed during the upload")
}

fn unreadable(path: &ModulePath, error: io::Error) -> Error {
    store::Error::invalid(&path.to_string(), ModuleError::Read(error)).into()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn bytes_that_are_read_again_are_validated_once() {
        let path: ModulePath = "a".parse().unwrap();
        let bytes: Vec<u8> = b"\0asm\x01\0\0\0".iter().copied().chain(0..92).collect();
        let mut file = Cursor::new(bytes.clone());
        let mut file = CheckedFile::new(&mut file, 100);
        let digest = Digest::from_bytes(crate::store::sha256(&bytes));
        assert_eq!(file.digest(&path).unwrap(), digest);
        for (start, length) in [(0, 10), (10, 5), (3, 4), (12, 20), (32, 68), (0, 100)] {
            let mut read = Vec::new();
            let mut chunk = file.chunk(&path, start, length).unwrap();
            chunk.read_to_end(&mut read).unwrap();
            let (from, to) = (start as usize, (start + length) as usize);
            assert_eq!(read, bytes[from..to]);
        }
        assert_eq!(file.checked_bytes, 100);
        assert!(file.is_invalid());
    }

    #[test]
    fn bytes_after_a_gap_are_not_validated() {
        let path: ModulePath = "a".parse().unwrap();
        let mut file = Cursor::new(b"\0asm not valid".to_vec());
        let mut file = CheckedFile::new(&mut file, 14);
        let mut chunk = file.chunk(&path, 4, 10).unwrap();
        chunk.read_to_end(&mut Vec::new()).unwrap();
        assert!(!file.is_invalid());
    }

    #[test]
    fn a_file_of_another_length_has_changed() {
        let path: ModulePath = "a".parse().unwrap();
        let mut short = Cursor::new(vec![0; 5]);
        let mut file = CheckedFile::new(&mut short, 6);
        let mut chunk = file.chunk(&path, 0, 6).unwrap();
        chunk.read_to_end(&mut Vec::new()).unwrap_err();
        let error = file.take_failure(&path).unwrap();
        assert!(
            crate::store::chain(&error).contains("the file changed"),
            "{error}"
        );
        let mut long = Cursor::new(vec![0; 7]);
        let error = CheckedFile::new(&mut long, 6).digest(&path).unwrap_err();
        assert!(
            crate::store::chain(&error).contains("the file changed"),
            "{error}"
        );
    }
}
