//! Taking bytes in: one pass through validation into the spool.

use std::io::{Read, Write};

use super::error::{Error, Result};
use super::open::Store;
use crate::repo::Spool;
use crate::wasm::{self, ModuleInfo, Validation};

/// How much is read at a time, in bytes.
const PIECE_BYTES: usize = 1 << 16;

/// A module on its way in. Its bytes come piece by piece; dropping it leaves nothing behind.
pub struct Upload {
    name: String,
    validation: Validation,
    spool: Spool,
}

/// An upload that is complete and valid, and not stored yet.
pub(super) struct Received {
    pub spool: Spool,
    pub info: ModuleInfo,
}

impl Upload {
    /// Takes the next bytes, of which there may be any number.
    ///
    /// # Errors
    /// They cannot be part of a valid module, are too many, or cannot be spooled.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let validated = self.validation.write(bytes);
        validated.map_err(|source| Error::invalid(&self.name, source))?;
        let spooled = self.spool.write_all(bytes);
        Ok(spooled.map_err(|error| self.spool.failed(error))?)
    }

    /// Says that these were all bytes.
    pub(super) fn finish(self) -> Result<Received> {
        let info = self.validation.finish();
        Ok(Received {
            info: info.map_err(|source| Error::invalid(&self.name, source))?,
            spool: self.spool,
        })
    }
}

impl Store {
    /// An upload without bytes; `name` says in errors which one it is.
    pub(super) fn upload(&self, name: &str) -> Upload {
        Upload {
            name: name.to_owned(),
            validation: Validation::new(&self.options.modules),
            spool: self.repo.objects().spool(),
        }
    }

    /// Reads a module to its end.
    pub(super) fn receive(&self, name: &str, mut source: impl Read) -> Result<Received> {
        let mut upload = self.upload(name);
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            match source.read(&mut piece) {
                Ok(0) => return upload.finish(),
                Ok(n) => upload.write(&piece[..n])?,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::invalid(name, wasm::Error::Read(error))),
            }
        }
    }
}
