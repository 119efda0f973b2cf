//! Taking bytes in: one pass through validation into the spool.

use std::io::{Read, Write};

use super::error::{Error, Result};
use super::open::Store;
use crate::repo::Spool;
use crate::wasm::{self, ModuleInfo, Validation};

/// How much is read at a time, in bytes.
const PIECE_BYTES: usize = 1 << 16;

/// An upload that is complete and valid, and not stored yet.
pub(super) struct Received {
    pub spool: Spool,
    #[expect(dead_code, reason = "the index records it")]
    pub info: ModuleInfo,
}

impl Store {
    /// Reads a module to its end; `name` says in errors which one it is.
    pub(super) fn receive(&self, name: &str, mut source: impl Read) -> Result<Received> {
        let invalid = |source| Error::Invalid {
            name: name.to_owned(),
            source,
        };
        let mut validation = Validation::new(&self.options.modules);
        let mut spool = self.repo.spool();
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            match source.read(&mut piece) {
                Ok(0) => break,
                Ok(n) => {
                    validation.write(&piece[..n]).map_err(invalid)?;
                    spool
                        .write_all(&piece[..n])
                        .map_err(|error| spool.failed(error))?;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(invalid(wasm::Error::Read(error))),
            }
        }
        let info = validation.finish().map_err(invalid)?;
        Ok(Received { spool, info })
    }
}
