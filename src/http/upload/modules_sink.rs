//! The sink for several modules that are uploaded in one request.

use std::io::{self, Write};

use axum::http::StatusCode;

use super::decoding::refusal;
use super::memory::UploadMemory;
use super::quota::UploadReservation;
use crate::http::error::{Failure, Result};
use crate::store::ModulesUpload;
use crate::wire::{ArchiveError, ArchiveEvent, ArchiveParser};

/// Writes several modules to an upload. Limits their size, reserves space from the quota of all uploads, and charges their memory.
pub(in crate::http) struct ModulesSink {
    upload: ModulesUpload,
    reservation: UploadReservation,
    memory: UploadMemory,
    /// The limit on the size of all modules together, in bytes.
    bytes_max: u64,
}

impl ModulesSink {
    /// Creates a sink that accepts at most `bytes_max` bytes.
    pub fn new(
        upload: ModulesUpload,
        reservation: UploadReservation,
        memory: UploadMemory,
        bytes_max: u64,
    ) -> Self {
        Self {
            upload,
            reservation,
            memory,
            bytes_max,
        }
    }

    /// Begins the next module. `name` is its path.
    ///
    /// # Errors
    /// 400 if the name is malformed or was used before; 413 if there are too many modules.
    pub fn begin(&mut self, name: &str) -> Result<()> {
        Ok(self.upload.begin(name)?)
    }

    /// Appends bytes to the current module.
    ///
    /// # Errors
    /// 400 if the module is invalid, 413 if it or all modules together are too large, 503 if the quota of all uploads or the memory is used
    /// up.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if self.upload.size_bytes() + bytes.len() as u64 > self.bytes_max {
            let detail = format!(
                "the modules are larger than {} bytes in all (--spool-mib): send them in several requests",
                self.bytes_max
            );
            return Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
        if !self.reservation.grow(bytes.len()) {
            return Err(Failure::busy());
        }
        self.memory.hold(self.upload.memory_bytes() + bytes.len())?;
        Ok(self.upload.write(bytes)?)
    }

    /// Ends the current module.
    ///
    /// # Errors
    /// 400 if the module is invalid.
    pub fn end(&mut self) -> Result<()> {
        self.upload.end()?;
        self.memory.hold(self.upload.memory_bytes())
    }

    /// Returns the upload and its memory. The caller must hold the memory as long as the upload.
    pub fn into_parts(self) -> (ModulesUpload, UploadMemory) {
        (self.upload, self.memory)
    }
}

/// The maximum size of the parts of an archive that are not modules, in bytes: headers, padding and directories.
const OVERHEAD_BYTES_MAX: u64 = 512 << 20;

/// Receives the bytes of a tar archive, and passes the modules in it to a [`ModulesSink`].
pub(in crate::http) struct ArchiveSink {
    parser: ArchiveParser,
    modules: ModulesSink,
    /// The size of the archive received so far, in decoded bytes.
    received_bytes: u64,
}

impl ArchiveSink {
    /// Creates a sink that writes the files of an archive into `modules`.
    pub fn new(modules: ModulesSink) -> Self {
        Self {
            parser: ArchiveParser::default(),
            modules,
            received_bytes: 0,
        }
    }

    /// Checks that the archive is complete, and returns the sink for the modules.
    ///
    /// # Errors
    /// 400 if the archive is truncated.
    pub fn finish(self) -> Result<ModulesSink> {
        self.parser.finish()?;
        Ok(self.modules)
    }

    fn take(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.received_bytes = self.received_bytes.saturating_add(bytes.len() as u64);
        // Without this limit, a few compressed bytes could be decoded to directory entries of any total size.
        let bytes_max = self.modules.bytes_max.saturating_add(OVERHEAD_BYTES_MAX);
        if self.received_bytes > bytes_max {
            let detail = format!("the archive is larger than {bytes_max} bytes");
            return Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
        while let Some(event) = self.parser.next(&mut bytes)? {
            match event {
                ArchiveEvent::Begin { name, .. } => self.modules.begin(&name)?,
                ArchiveEvent::Bytes(bytes) => self.modules.write(bytes)?,
                ArchiveEvent::End => self.modules.end()?,
            }
        }
        Ok(())
    }
}

impl Write for ArchiveSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes).map_err(refusal)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl From<ArchiveError> for Failure {
    fn from(error: ArchiveError) -> Self {
        Self::malformed(error.to_string())
    }
}
