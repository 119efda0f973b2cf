//! A copy of the whole store in one stream.

use std::io::Write;

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
            return Err(Error::NoCommit(self.repo.default_branch()?.to_string()));
        }
        let mut gzip = flate2::write::GzEncoder::new(out, flate2::Compression::fast());
        self.repo.backup(&mut gzip, progress)?;
        gzip.finish()
            .and_then(|mut out| out.flush())
            .map_err(Error::Output)
    }
}
