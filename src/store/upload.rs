//! Receives an uploaded module: validates the bytes and spools them in one pass.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use super::error::{Error, Result};
use super::open::Store;
use crate::names::ModuleHash;
use crate::repo::{self, Spool};
use crate::wasm::{self, Cancellation, Facts, ModuleInfo, Validation};

/// The size of the buffer for reading a module, in bytes.
const BUFFER_BYTES: usize = 1 << 16;

/// A module that is being uploaded. Dropping it discards its bytes.
pub struct Upload {
    name: String,
    validation: Validation,
    spool: Spool,
}

/// An upload whose module is complete and valid, but not stored yet.
pub(super) struct ValidatedUpload {
    pub spool: Spool,
    pub info: ModuleInfo,
    /// The facts about the module, such as its imports and the sizes of its parts; `None` if they could not be collected. They are then
    /// computed from the blob later.
    pub facts: Option<Facts>,
}

impl Upload {
    /// Appends bytes to the module.
    ///
    /// # Errors
    /// The bytes cannot be part of a valid module; the module is too large; the bytes cannot be spooled.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let validated = self.validation.write(bytes);
        validated.map_err(|source| Error::invalid(&self.name, source))?;
        let spooled = self.spool.write_all(bytes);
        Ok(spooled.map_err(|error| self.spool.failed(error))?)
    }

    /// Returns the number of bytes that are buffered in memory: the spooled bytes, unless the spool is a file, and the bytes of an
    /// incomplete section.
    pub fn memory_bytes(&self) -> usize {
        self.spool.memory_bytes() + self.validation.buffered_bytes()
    }

    /// Returns a handle that cancels the validation of the upload.
    pub fn cancellation(&self) -> Cancellation {
        self.validation.cancellation()
    }

    /// Ends the upload, and returns the module if it is valid.
    pub(super) fn finish(self) -> Result<ValidatedUpload> {
        let finished = self.validation.finish_with_facts();
        let (info, facts) = finished.map_err(|source| Error::invalid(&self.name, source))?;
        Ok(ValidatedUpload {
            spool: self.spool,
            info,
            facts,
        })
    }
}

impl Store {
    /// Begins an upload. `name` identifies the module in errors.
    pub(super) fn upload(&self, name: &str) -> Upload {
        Upload {
            name: name.to_owned(),
            validation: Validation::with_facts(&self.options.modules, &self.budget),
            spool: self.repo.objects().spool(),
        }
    }

    /// Validates the bytes of a file as a module. `name` identifies the module in errors.
    pub(super) fn validate_file(
        &self,
        name: &str,
        file: File,
        path: &Path,
    ) -> Result<ValidatedUpload> {
        self.validate_charged_file(name, (file, path), &mut |_| true)
    }

    /// Validates a file like [`validate_file`](Self::validate_file). Calls `hold` with the number of bytes that are buffered in memory, and
    /// fails if `hold` returns false.
    pub(super) fn validate_charged_file(
        &self,
        name: &str,
        (file, path): (File, &Path),
        hold: &mut dyn FnMut(usize) -> bool,
    ) -> Result<ValidatedUpload> {
        let mut spool = Spool::of_file(file, path)?;
        let spooled_bytes = spool.memory_bytes();
        let mut validation = Validation::with_facts(&self.options.modules, &self.budget);
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut reader = spool.reader()?;
        loop {
            let read = reader.read(&mut buffer).map_err(|source| Error::File {
                action: "read",
                path: path.to_owned(),
                source,
            })?;
            if read == 0 {
                break;
            }
            let validated = validation.write(&buffer[..read]);
            validated.map_err(|source| Error::invalid(name, source))?;
            if !hold(spooled_bytes + buffer.len() + validation.buffered_bytes()) {
                let reason = "the memory for uploads is used up";
                return Err(repo::Error::Busy(reason.to_owned()).into());
            }
        }
        drop(reader);
        let finished = validation.finish_with_facts();
        let (info, facts) = finished.map_err(|source| Error::invalid(name, source))?;
        Ok(ValidatedUpload { spool, info, facts })
    }

    /// Caches the results of the validation of a stored module: its digest, its facts, and that it is valid.
    pub(super) fn note_validated(&self, hash: ModuleHash, info: &ModuleInfo, facts: Option<Facts>) {
        self.digests.insert(hash, info);
        self.valid_modules.insert(hash);
        if let Some(facts) = facts {
            self.pending_facts.insert(hash, facts);
        }
    }

    /// Reads a module from `source` to its end, and validates and spools it. `name` identifies the module in errors.
    pub(super) fn receive(&self, name: &str, mut source: impl Read) -> Result<ValidatedUpload> {
        let mut upload = self.upload(name);
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            match source.read(&mut buffer) {
                Ok(0) => return upload.finish(),
                Ok(n) => upload.write(&buffer[..n])?,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::invalid(name, wasm::Error::Read(error))),
            }
        }
    }
}
