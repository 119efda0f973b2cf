//! Validation of a module that arrives in pieces.

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use sha2::{Digest as _, Sha256};

use super::head::{self, HEAD_BYTES_MAX};
use super::walk::{Step, Walk};
use super::{Error, ModuleInfo};
use crate::config::ModuleLimits;

/// What is kept of the memory for incomplete parts once a part is complete.
const PENDING_BYTES_KEPT_MAX: usize = 1 << 20;

/// Validates the module that `source` gives up to its end.
///
/// # Errors
///
/// [`Error::Read`] if the source fails, else as [`Validation::finish`].
pub fn validate(mut source: impl Read, limits: &ModuleLimits) -> Result<ModuleInfo, Error> {
    let mut validation = Validation::new(limits);
    let mut piece = vec![0; 64 << 10];
    loop {
        match source.read(&mut piece) {
            Ok(0) => return validation.finish(),
            Ok(bytes) => validation.write(&piece[..bytes])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::Read(error)),
        }
    }
}

/// Validates a module or component that is handed over piece by piece, in order.
///
/// Dropping it ends its threads; so does every error.
pub struct Validation {
    bytes_max: u64,
    size_bytes: u64,
    sha256: Sha256,
    /// The first bytes, until they are known to be WebAssembly.
    head: Option<Vec<u8>>,
    /// The part that is not complete yet.
    pending: Vec<u8>,
    /// How long `pending` has to be before it is worth a look.
    need_bytes: usize,
    /// None once the module was refused.
    walk: Option<Walk>,
}

impl Validation {
    /// Begins with no bytes.
    pub fn new(limits: &ModuleLimits) -> Self {
        Self {
            bytes_max: limits.module_bytes_max,
            size_bytes: 0,
            sha256: Sha256::new(),
            head: Some(Vec::new()),
            pending: Vec::new(),
            need_bytes: 0,
            walk: Some(Walk::new(limits.section_bytes_max)),
        }
    }

    /// Takes the next bytes, of which there may be any number.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish), as soon as a fault is known. Every further call is refused.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let allowed = self.bytes_max - self.size_bytes;
        let taken =
            usize::try_from(allowed).map_or(bytes.len(), |allowed| allowed.min(bytes.len()));
        self.size_bytes += taken as u64;
        self.sha256.update(&bytes[..taken]);
        let mut result = self.take(&bytes[..taken], false);
        if result.is_ok() && taken < bytes.len() {
            result = Err(Error::ModuleTooLarge {
                bytes_max: self.bytes_max,
            });
        }
        result.map_err(|error| self.refuse(error))
    }

    /// Says that there are no more bytes, and waits for the verdict.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`], [`Error::ModuleTooLarge`] or [`Error::SectionTooLarge`] say what is wrong with the module: of
    /// several faults, the first. [`Error::Panicked`] says nothing about it.
    pub fn finish(mut self) -> Result<ModuleInfo, Error> {
        if let Err(error) = self.take(&[], true) {
            return Err(self.refuse(error));
        }
        let walk = self
            .walk
            .take()
            .expect("BUG: a refused module cannot be finished");
        Ok(walk.finish()?.finish(self.size_bytes, self.sha256))
    }

    /// Ends the validation. A function body that is wrong counts before all that follows it.
    fn refuse(&mut self, error: Error) -> Error {
        let walk = self.walk.take();
        walk.and_then(|walk| walk.finish().err()).unwrap_or(error)
    }

    fn take(&mut self, bytes: &[u8], eof: bool) -> Result<(), Error> {
        let Some(head) = &mut self.head else {
            return self.feed(bytes, eof);
        };
        let (now, rest) = bytes.split_at(bytes.len().min(HEAD_BYTES_MAX - head.len()));
        head.extend_from_slice(now);
        if !eof && !head::is_enough(head) {
            return Ok(());
        }
        head::check(head)?;
        let head = self.head.take().unwrap_or_default();
        self.feed(&head, false)?;
        self.feed(rest, eof)
    }

    /// A fault in the validator itself must not take down who asked.
    fn feed(&mut self, bytes: &[u8], eof: bool) -> Result<(), Error> {
        catch_unwind(AssertUnwindSafe(|| self.parse(bytes, eof))).unwrap_or(Err(Error::Panicked))
    }

    /// Parses straight from `bytes` what is complete there; copies are made of parts only that arrive in pieces.
    fn parse(&mut self, mut bytes: &[u8], eof: bool) -> Result<(), Error> {
        while !self.pending.is_empty() {
            let missing = self.need_bytes.saturating_sub(self.pending.len());
            let (now, rest) = bytes.split_at(missing.min(bytes.len()));
            self.pending.extend_from_slice(now);
            bytes = rest;
            if self.pending.len() < self.need_bytes && !eof {
                return Ok(());
            }
            let mut pending = std::mem::take(&mut self.pending);
            let used = self.walk(&pending, eof)?;
            pending.drain(..used);
            if !pending.is_empty() || pending.capacity() <= PENDING_BYTES_KEPT_MAX {
                self.pending = pending;
            }
            self.reserve();
            if eof {
                return Ok(());
            }
        }
        let used = self.walk(bytes, eof)?;
        self.reserve();
        self.pending.extend_from_slice(&bytes[used..]);
        Ok(())
    }

    /// Walks as far as `bytes` reach and tells how far that was.
    fn walk(&mut self, bytes: &[u8], eof: bool) -> Result<usize, Error> {
        let Some(walk) = self.walk.as_mut() else {
            return Err(Error::invalid(
                "the module was refused before",
                self.size_bytes,
            ));
        };
        if walk.has_fault() {
            // It is the body's own error that is reported.
            return Err(Error::invalid(
                "a function body is invalid",
                self.size_bytes,
            ));
        }
        let mut used = 0;
        loop {
            match walk.step(&bytes[used..], eof)? {
                Step::Used(bytes) => used += bytes,
                Step::Need(_) if eof => {
                    unreachable!("BUG: a step asked for more than all there is");
                }
                Step::Need(bytes) => {
                    self.need_bytes = bytes;
                    return Ok(used);
                }
                Step::End => return Ok(used),
            }
        }
    }

    /// Makes room for the whole of the part that is awaited, so that it is never moved while it grows.
    fn reserve(&mut self) {
        let missing = self.need_bytes.saturating_sub(self.pending.len());
        self.pending.reserve_exact(missing);
    }
}
