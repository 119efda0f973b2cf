//! A copy of the whole store in one stream.

use std::io::{self, Write};

use super::error::{Error, Result};
use super::open::Store;

impl Store {
    /// Writes a consistent copy of the store, as of one moment, as a gzipped tar archive, also while others write. Unpacked into
    /// an empty folder it is the store. `progress` is called after each file of the repository.
    ///
    /// # Errors
    /// The store does not exist or borrows objects; `out` cannot be written; a `gc` runs for longer than a minute.
    pub fn backup(&self, out: impl Write, progress: impl FnMut()) -> Result<()> {
        if self.repo.is_absent() {
            return Err(Error::NoCommit(
                self.repo.refs().default_branch()?.to_string(),
            ));
        }
        let mut archive = Archive { out, failure: None };
        let mut gzip = flate2::write::GzEncoder::new(&mut archive, flate2::Compression::fast());
        let copied = self.repo.backup(&mut gzip, progress);
        let ended = gzip.finish().and_then(Write::flush);
        // What cannot be written is the archive, and not the store.
        if let Some(failure) = archive.failure {
            return Err(Error::Output(failure));
        }
        copied?;
        ended.map_err(Error::Output)
    }
}

/// Where the archive goes, and why it did not.
struct Archive<W> {
    out: W,
    failure: Option<io::Error>,
}

impl<W: Write> Archive<W> {
    fn note<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            let kind = error.kind();
            if kind != io::ErrorKind::Interrupted {
                self.failure.get_or_insert(error);
            }
            kind.into()
        })
    }
}

impl<W: Write> Write for Archive<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes);
        self.note(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.note(flushed)
    }
}
