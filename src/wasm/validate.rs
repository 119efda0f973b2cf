//! Validates a module that arrives in chunks.

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::fuel::{Cancellation, Fuel};
use super::head::{self, HEAD_BYTES_MAX};
use super::memory::ParsedMemory;
use super::walk::{ModuleWalk, ParseStep};
use super::{Error, Facts, ModuleInfo};
use crate::budget::ByteBudget;
use crate::config::ModuleLimits;

/// The buffer for incomplete payloads is kept after a payload is complete if its capacity is at most this number of bytes. A larger buffer
/// is freed.
const PENDING_BYTES_KEPT_MAX: usize = 1 << 20;

/// Validates the module that is read from `source`, up to the end of `source`.
///
/// # Errors
///
/// [`Error::Read`] if the source fails; the errors of [`Validation::finish`].
pub fn validate(source: impl Read, limits: &ModuleLimits) -> Result<ModuleInfo, Error> {
    read(source, Validation::new(limits))?.finish()
}

/// Validates like [`validate`], and charges the memory for parsed types and names to `budget`.
///
/// # Errors
///
/// The errors of [`validate`]; [`Error::OutOfMemory`] if the budget is used up.
pub fn validate_within(
    source: impl Read,
    limits: &ModuleLimits,
    budget: &ByteBudget,
) -> Result<ModuleInfo, Error> {
    read(source, Validation::with_budget(limits, budget))?.finish()
}

/// Returns the facts about the module that is read from `source`, up to the end of `source`. The module must have been validated before:
/// its function bodies are read, but not validated. Charges memory to `budget`, like a [`Validation`].
///
/// # Errors
///
/// The errors of [`validate`], except those of function bodies. [`Error::Panicked`] if the collector of the facts has panicked.
pub fn facts_of(
    source: impl Read,
    limits: &ModuleLimits,
    budget: &ByteBudget,
) -> Result<Facts, Error> {
    let mut validation = Validation::with_facts(limits, budget);
    if let Some(walk) = &mut validation.walk {
        walk.skip_validation_of_bodies();
    }
    let (_, facts) = read(source, validation)?.finish_with_facts()?;
    facts.ok_or(Error::Panicked)
}

/// Passes all bytes of `source` to a validation.
fn read(mut source: impl Read, mut validation: Validation) -> Result<Validation, Error> {
    let mut chunk = vec![0; 64 << 10];
    loop {
        match source.read(&mut chunk) {
            Ok(0) => return Ok(validation),
            Ok(bytes) => validation.write(&chunk[..bytes])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::Read(error)),
        }
    }
}

/// The validation of a module or component that arrives in chunks.
///
/// The threads of the validation end after an error, and when this value is dropped.
pub struct Validation {
    bytes_max: u64,
    size_bytes: u64,
    sha256: Sha256,
    /// The first bytes of the module, until they are recognised as WebAssembly; then `None`.
    head: Option<Vec<u8>>,
    /// The bytes of the last payload, if it is incomplete; otherwise empty.
    pending: Vec<u8>,
    /// The length that `pending` must have before its payload can be parsed, in bytes.
    need_bytes: usize,
    fuel: Arc<Fuel>,
    /// The pass over the module. `None` after the module has been rejected.
    walk: Option<ModuleWalk>,
}

impl Validation {
    /// Creates a validation that has not received any bytes yet.
    pub fn new(limits: &ModuleLimits) -> Self {
        Self::with_budget(limits, &ByteBudget::default())
    }

    /// Creates a validation that charges the memory for parsed types and names to `budget`.
    pub fn with_budget(limits: &ModuleLimits, budget: &ByteBudget) -> Self {
        Self::cancelled_by(limits, budget, Cancellation::default())
    }

    fn cancelled_by(
        limits: &ModuleLimits,
        budget: &ByteBudget,
        cancellation: Cancellation,
    ) -> Self {
        let fuel = Arc::new(Fuel::new(limits, cancellation));
        let memory = ParsedMemory::new(budget);
        let walk = ModuleWalk::new(limits.section_bytes_max, Arc::clone(&fuel), memory);
        Self {
            fuel,
            bytes_max: limits.module_bytes_max,
            size_bytes: 0,
            sha256: Sha256::new(),
            head: Some(Vec::new()),
            pending: Vec::new(),
            need_bytes: 0,
            walk: Some(walk),
        }
    }

    /// Creates a validation that also collects [`Facts`], which [`finish_with_facts`](Self::finish_with_facts) returns.
    pub fn with_facts(limits: &ModuleLimits, budget: &ByteBudget) -> Self {
        Self::with_facts_of_several(limits, budget, Cancellation::default())
    }

    /// Creates a validation like [`with_facts`](Self::with_facts) that `cancellation` can cancel. The caller may pass clones of one
    /// `cancellation` to several validations, to cancel them together.
    pub fn with_facts_of_several(
        limits: &ModuleLimits,
        budget: &ByteBudget,
        cancellation: Cancellation,
    ) -> Self {
        let mut validation = Self::cancelled_by(limits, budget, cancellation);
        if let Some(walk) = &mut validation.walk {
            walk.collect_facts();
        }
        validation
    }

    /// Returns the capacity of the buffer for an incomplete payload, in bytes.
    pub fn buffered_bytes(&self) -> usize {
        self.pending.capacity()
    }

    /// Returns a handle with which another thread can cancel the validation.
    pub fn cancellation(&self) -> Cancellation {
        self.fuel.cancellation()
    }

    /// Adds the next bytes of the module, of any length.
    ///
    /// # Errors
    ///
    /// The errors of [`finish`](Self::finish), as soon as one is known. After an error, every further call fails.
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
        result.map_err(|error| self.reject(error))
    }

    /// Ends the module: no more bytes follow. Waits for the result of the validation.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`], [`Error::ModuleTooLarge`], [`Error::SectionTooLarge`] or [`Error::TooMuchWork`] for the error of the module with
    /// the lowest offset. [`Error::Panicked`] if the validator panicked, [`Error::OutOfMemory`] if the memory budget is used up, or
    /// [`Error::Cancelled`]. With one of these three errors, the module may be valid.
    pub fn finish(self) -> Result<ModuleInfo, Error> {
        self.finish_with_facts().map(|(info, _)| info)
    }

    /// Ends the module like [`finish`](Self::finish), and also returns the facts about it. The facts are `None` if they were not requested,
    /// or if their collector has panicked. A panic of the collector is not an error, because it does not make the module invalid.
    ///
    /// # Errors
    ///
    /// The errors of [`finish`](Self::finish).
    pub fn finish_with_facts(mut self) -> Result<(ModuleInfo, Option<Facts>), Error> {
        if let Err(error) = self.take(&[], true) {
            return Err(self.reject(error));
        }
        let walk = self
            .walk
            .take()
            .expect("BUG: a rejected module cannot be finished");
        let (info, facts) = walk.finish(self.size_bytes)?;
        Ok((info.finish(self.size_bytes, self.sha256), facts))
    }

    /// Ends the validation after `error`, and returns the error to report. If a function body is invalid, returns the error of the body,
    /// because the body comes before the position of `error` in the module. Otherwise returns `error`.
    fn reject(&mut self, error: Error) -> Error {
        let walk = self.walk.take();
        walk.and_then(|walk| walk.finish(self.size_bytes).err())
            .unwrap_or(error)
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

    /// Parses the next bytes. Converts a panic of the validator to an error, so that the caller does not panic.
    fn feed(&mut self, bytes: &[u8], eof: bool) -> Result<(), Error> {
        catch_unwind(AssertUnwindSafe(|| self.parse(bytes, eof))).unwrap_or(Err(Error::Panicked))
    }

    /// Parses the next bytes. Complete payloads are parsed directly from `bytes`; only payloads that arrive in several chunks are copied.
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

    /// Parses all complete payloads in `bytes`, and returns their total length.
    fn walk(&mut self, bytes: &[u8], eof: bool) -> Result<usize, Error> {
        let Some(walk) = self.walk.as_mut() else {
            return Err(Error::invalid(
                "the module was already rejected",
                self.size_bytes,
            ));
        };
        if walk.has_error() {
            // This error is never reported: `reject` replaces it with the error of the body.
            return Err(Error::invalid(
                "a function body is invalid",
                self.size_bytes,
            ));
        }
        let mut used = 0;
        loop {
            match walk.step(&bytes[used..], eof)? {
                ParseStep::Used(bytes) => used += bytes,
                ParseStep::Need(_) if eof => {
                    unreachable!("BUG: a step asked for bytes after the end");
                }
                ParseStep::Need(bytes) => {
                    self.need_bytes = bytes;
                    return Ok(used);
                }
                ParseStep::End => return Ok(used),
            }
        }
    }

    /// Reserves memory for the whole incomplete payload, so that its bytes are not moved when more bytes arrive.
    fn reserve(&mut self) {
        let missing = self.need_bytes.saturating_sub(self.pending.len());
        self.pending.reserve_exact(missing);
    }
}
