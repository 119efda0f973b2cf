//! A copy of the whole store in one file.

use std::path::Path;

use super::error::{Error, Result};
use super::open::Store;

impl Store {
    /// Writes a consistent copy of the store, as of one moment, to the gzipped tar archive `file`, also while others write.
    /// Unpacked into an empty folder it is the store. The file appears when it is complete. `progress` is called after each
    /// file of the repository.
    ///
    /// # Errors
    /// The store does not exist; `file` cannot be written; a `gc` runs for longer than a minute.
    pub fn backup(&self, file: &Path, progress: impl FnMut()) -> Result<()> {
        if self.repo.is_absent() {
            return Err(Error::NoCommit(self.repo.default_branch()?.to_string()));
        }
        let write_failed = |source| Error::File {
            action: "write",
            path: file.to_owned(),
            source,
        };
        let folder = file
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let archive = tempfile::NamedTempFile::new_in(folder).map_err(write_failed)?;
        let mut gzip = flate2::write::GzEncoder::new(archive, flate2::Compression::fast());
        self.repo.backup(&mut gzip, progress)?;
        let archive = gzip.finish().map_err(write_failed)?;
        archive.as_file().sync_all().map_err(write_failed)?;
        archive
            .persist(file)
            .map_err(|error| write_failed(error.error))?;
        let folder = std::fs::File::open(folder).map_err(write_failed)?;
        folder.sync_all().map_err(write_failed)
    }
}
