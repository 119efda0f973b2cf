//! Writes a backup of the whole store.

use std::io::{self, Write};

use super::error::{Error, Result};
use super::open::Store;

/// The sizes of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupSizes {
    /// The size of the archive, in bytes.
    pub archive_bytes: u64,
    /// The size of the archive before compression, in bytes.
    pub unpacked_bytes: u64,
}

impl Store {
    /// Writes a consistent snapshot of the store as a gzipped tar archive, even while other processes write. Unpacking the archive
    /// into an empty directory restores the store. Calls `progress` after each file of the repository. Returns the sizes of the archive.
    ///
    /// # Errors
    /// The store does not exist, or borrows objects from another repository; `out` cannot be written; a running `gc` does not end within a
    /// minute.
    pub fn backup(&self, out: impl Write, progress: impl FnMut()) -> Result<BackupSizes> {
        if self.repo.is_absent() {
            return Err(Error::NoCommit(
                self.repo.refs().default_branch()?.to_string(),
            ));
        }
        let mut archive = ArchiveWriter {
            out: CountedWriter::new(out),
            error: None,
        };
        let mut gzip = flate2::write::GzEncoder::new(&mut archive, flate2::Compression::fast());
        let mut unpacked = CountedWriter::new(&mut gzip);
        let copied = self.repo.backup(&mut unpacked, progress);
        let unpacked_bytes = unpacked.written_bytes;
        let finished = gzip.finish().and_then(Write::flush);
        // If `out` failed, `copied` is an error too, but it reads like an error of the store. So returns the error of `out`.
        if let Some(error) = archive.error {
            return Err(Error::Output(error));
        }
        copied?;
        finished.map_err(Error::Output)?;
        Ok(BackupSizes {
            archive_bytes: archive.out.written_bytes,
            unpacked_bytes,
        })
    }
}

/// Writes to `out`, and counts the bytes.
struct CountedWriter<W> {
    out: W,
    written_bytes: u64,
}

impl<W> CountedWriter<W> {
    fn new(out: W) -> Self {
        Self {
            out,
            written_bytes: 0,
        }
    }
}

impl<W: Write> Write for CountedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.written_bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes to `out`, and records the first failed write in `error`. So an error of `out` can be distinguished from an error of the store.
struct ArchiveWriter<W> {
    out: CountedWriter<W>,
    error: Option<io::Error>,
}

impl<W: Write> ArchiveWriter<W> {
    /// Stores the error of `result` unless an earlier error is stored or the call was only interrupted. Returns `result` with an error of
    /// the same kind.
    fn record<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            let kind = error.kind();
            if kind != io::ErrorKind::Interrupted {
                self.error.get_or_insert(error);
            }
            kind.into()
        })
    }
}

impl<W: Write> Write for ArchiveWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes);
        self.record(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.record(flushed)
    }
}
