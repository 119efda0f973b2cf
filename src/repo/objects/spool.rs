//! Spooling an upload until it is complete and valid: in memory while it is small, then in an unlinked file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::repo::error::{Error, Result};
use crate::sharing::create_shared_dir_all;

/// The size, in bytes, up to which an upload stays in memory. A larger upload is written to the disk.
pub(crate) const MEMORY_BYTES_MAX: usize = 1 << 20;

/// The bytes of one upload. The file is unlinked as soon as it is created, so nothing is left behind, however the process ends.
#[derive(Debug)]
pub struct Spool {
    memory: Vec<u8>,
    file: Option<File>,
    size_bytes: u64,
    tmp: PathBuf,
}

impl Spool {
    /// Returns an empty spool that overflows into the directory `tmp`.
    pub(crate) fn new(tmp: &Path) -> Self {
        Self {
            memory: Vec::new(),
            file: None,
            size_bytes: 0,
            tmp: tmp.to_owned(),
        }
    }

    /// Returns the error for bytes that could not be spooled.
    pub fn failed(&self, source: io::Error) -> Error {
        Error::io("write an upload to", &self.tmp)(source)
    }

    /// Returns a spool that contains `bytes`.
    pub fn holding(bytes: Vec<u8>) -> Self {
        Self {
            size_bytes: bytes.len() as u64,
            memory: bytes,
            file: None,
            tmp: PathBuf::new(),
        }
    }

    /// Returns a spool that contains the bytes of a file, which must not change any more.
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
            tmp: path.to_owned(),
        })
    }

    /// Returns the number of bytes written so far.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Returns the number of bytes that are in memory.
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
                file.seek(SeekFrom::Start(0))
                    .map_err(Error::io("read", &self.tmp))?;
                Ok(Box::new(io::BufReader::with_capacity(1 << 16, file)))
            }
        }
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
