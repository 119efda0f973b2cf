//! Spooling an upload until it is complete and valid: in memory while it is small, then in an unlinked file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::repo::error::{Error, Result};
use crate::sharing::create_shared_dir_all;

/// The size, in bytes, up to which an upload stays in memory. A larger upload is written to the disk.
pub(crate) const MEMORY_BYTES_MAX: usize = 1 << 20;

/// The bytes of one upload. The file of a large upload is unlinked as soon as it is created, so nothing is left behind, however the process
/// ends.
#[derive(Debug)]
pub struct Spool {
    memory: Vec<u8>,
    file: Option<File>,
    /// The offset in `file` at which the bytes begin.
    start: u64,
    size_bytes: u64,
    tmp: PathBuf,
}

/// Reads a range of a file with pread(2). The position of the file is not used, because all parts of a spool share it.
struct PartReader<'f> {
    file: &'f File,
    at: u64,
    left_bytes: u64,
}

impl Read for PartReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left_bytes).unwrap_or(usize::MAX);
        let length = buffer.len().min(most);
        let read = self.file.read_at(&mut buffer[..length], self.at)?;
        self.at += read as u64;
        self.left_bytes -= read as u64;
        Ok(read)
    }
}

impl Spool {
    /// Returns an empty spool. If the upload becomes too large for memory, the spool moves it to a file in the directory `tmp`.
    pub(crate) fn new(tmp: &Path) -> Self {
        Self {
            memory: Vec::new(),
            file: None,
            start: 0,
            size_bytes: 0,
            tmp: tmp.to_owned(),
        }
    }

    /// Returns the error for a failed write to this spool.
    pub fn failed(&self, source: io::Error) -> Error {
        Error::io("write an upload to", &self.tmp)(source)
    }

    /// Returns a spool that contains `bytes`.
    pub fn holding(bytes: Vec<u8>) -> Self {
        Self {
            size_bytes: bytes.len() as u64,
            memory: bytes,
            file: None,
            start: 0,
            tmp: PathBuf::new(),
        }
    }

    /// Returns a spool that contains the bytes of a file. The file must not change any more.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of_file(mut file: File, path: &Path) -> Result<Self> {
        let failed = || Error::io("read", path);
        let size_bytes = file.metadata().map_err(failed())?.len();
        let mut memory = Vec::new();
        let is_small = usize::try_from(size_bytes).is_ok_and(|bytes| bytes <= MEMORY_BYTES_MAX);
        if is_small {
            file.seek(SeekFrom::Start(0)).map_err(failed())?;
            file.read_to_end(&mut memory).map_err(failed())?;
        }
        Ok(Self {
            size_bytes: if is_small {
                memory.len() as u64
            } else {
                size_bytes
            },
            memory,
            file: (!is_small).then_some(file),
            start: 0,
            tmp: path.to_owned(),
        })
    }

    /// Returns the number of bytes written so far.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Returns the number of bytes of memory that the spool has allocated.
    pub fn memory_bytes(&self) -> usize {
        self.memory.capacity()
    }

    /// Returns all bytes; `None` if they are in a file.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        self.file.is_none().then_some(&self.memory)
    }

    /// Returns a reader of all bytes from the start; may be called again.
    pub fn reader(&mut self) -> Result<Box<dyn Read + '_>> {
        match &mut self.file {
            None => Ok(Box::new(self.memory.as_slice())),
            Some(file) => {
                let part = PartReader {
                    file,
                    at: self.start,
                    left_bytes: self.size_bytes,
                };
                Ok(Box::new(io::BufReader::with_capacity(1 << 16, part)))
            }
        }
    }

    /// Returns a spool that contains `size_bytes` bytes of this one, from the offset `start`. A small part is copied into memory; a large
    /// part shares the file.
    ///
    /// # Errors
    /// The file of the spool cannot be read.
    pub fn part(&self, start: u64, size_bytes: u64) -> Result<Self> {
        let failed = || Error::io("read", &self.tmp);
        let small = usize::try_from(size_bytes).ok();
        let Some(length) = small.filter(|bytes| *bytes <= MEMORY_BYTES_MAX) else {
            let file = self.file.as_ref().map(File::try_clone).transpose();
            return Ok(Self {
                memory: Vec::new(),
                file: file.map_err(failed())?,
                start: self.start + start,
                size_bytes,
                tmp: self.tmp.clone(),
            });
        };
        let bytes = match &self.file {
            Some(file) => {
                let mut bytes = vec![0; length];
                let read = file.read_exact_at(&mut bytes, self.start + start);
                read.map_err(failed())?;
                bytes
            }
            None => {
                let start = usize::try_from(start).unwrap_or(usize::MAX);
                self.memory[start..][..length].to_vec()
            }
        };
        Ok(Self::holding(bytes))
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.file.is_none() && self.memory.len() + bytes.len() > MEMORY_BYTES_MAX {
            create_shared_dir_all(&self.tmp)?;
            let mut file = tempfile::tempfile_in(&self.tmp)?;
            file.write_all(&self.memory)?;
            self.memory = Vec::new();
            self.file = Some(file);
        }
        match &mut self.file {
            Some(file) => file.write_all(bytes)?,
            None => self.memory.extend_from_slice(bytes),
        }
        self.size_bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_their_bytes_wherever_the_spool_is() {
        let dir = tempfile::tempdir().unwrap();
        let all: Vec<u8> = (0..3 * MEMORY_BYTES_MAX).map(|n| (n % 251) as u8).collect();
        for bytes in [&all[..100], &all] {
            let mut spool = Spool::new(dir.path());
            spool.write_all(bytes).unwrap();
            let large = MEMORY_BYTES_MAX + 1;
            for (start, length) in [(0, 1), (99, 1), (50, 0), (7, large), (bytes.len(), 0)] {
                let Some(expected) = bytes.get(start..start + length) else {
                    continue;
                };
                let mut part = spool.part(start as u64, length as u64).unwrap();
                assert_eq!(part.size_bytes(), length as u64);
                for _ in 0..2 {
                    let mut read = Vec::new();
                    part.reader().unwrap().read_to_end(&mut read).unwrap();
                    assert!(read == expected, "{start} {length}");
                }
            }
            let mut whole = Vec::new();
            spool.reader().unwrap().read_to_end(&mut whole).unwrap();
            assert!(whole == bytes);
        }
    }
}
