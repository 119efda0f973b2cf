//! The memory of one upload: the chunk of the body that is being received, and the bytes that the store buffers.

use std::sync::{Arc, Mutex, PoisonError};

use crate::budget::Charge;
use crate::http::error::Result;

/// The size of the chunks in which a body is decoded, in bytes.
pub(in crate::http) const CHUNK_BYTES: usize = 256 << 10;

/// The maximum number of bytes that are charged to the memory budget for an upload before its body is received. If the upload is longer, or
/// its length is unknown, the charge grows while the body is received.
const FIRST_BYTES_MAX: u64 = 1 << 20;

/// The memory that is charged for an upload of unknown length before its body is received, in bytes.
const FIRST_BYTES_UNKNOWN: u64 = 32 << 10;

/// The charge of one upload on the memory budget. The charge grows without waiting, because an upload that holds memory must not wait for
/// more.
pub(in crate::http) struct UploadMemory {
    charge: Charge,
    chunk_bytes: u64,
}

impl UploadMemory {
    /// Returns the number of bytes to charge before the body is received. For a small body, these are enough.
    pub fn first_bytes(content_length: Option<u64>) -> u64 {
        let Some(length) = content_length else {
            return FIRST_BYTES_UNKNOWN;
        };
        length.min(FIRST_BYTES_MAX) + chunk_bytes(content_length)
    }

    /// Wraps `charge`, the part of the memory budget that the upload has taken. `content_length` is the length of the encoded body; `None`
    /// if it is unknown.
    pub fn new(charge: Charge, content_length: Option<u64>) -> Self {
        Self {
            charge,
            chunk_bytes: chunk_bytes(content_length),
        }
    }

    /// Resizes the charge such that it covers `buffered_bytes` and one chunk. The charge is reduced only if it is much too large.
    ///
    /// # Errors
    /// 503 if the memory is used up.
    pub fn hold(&mut self, buffered_bytes: usize) -> Result<()> {
        let needed = self.chunk_bytes + buffered_bytes as u64;
        // The charge is not resized for each chunk, because resizing takes a lock.
        if needed > self.charge.bytes() {
            let more = self.charge.try_resize(needed + needed / 2);
            more.or_else(|_| self.charge.try_resize(needed))?;
        } else if needed < self.charge.bytes() / 4 {
            self.charge.try_resize(needed * 2)?;
        }
        Ok(())
    }
}

/// The charge for a request body that was already received. The handler uses it instead of waiting for another charge, because a request
/// that holds memory must not wait for more. It is an extension of the request.
#[derive(Clone)]
pub(in crate::http) struct BufferedCharge(Arc<Mutex<Option<Charge>>>);

impl BufferedCharge {
    /// Wraps a charge; `None` for an empty body.
    pub fn new(charge: Option<Charge>) -> Self {
        Self(Arc::new(Mutex::new(charge)))
    }

    /// Returns the charge, which is the memory of the request body in the memory budget, on the first call; `None` on later calls.
    pub fn take(&self) -> Option<Charge> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

fn chunk_bytes(content_length: Option<u64>) -> u64 {
    content_length.unwrap_or(u64::MAX).min(CHUNK_BYTES as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::ByteBudget;

    #[test]
    fn charge_follows_the_memory_of_the_upload() {
        let budget = ByteBudget::new(16 << 20);
        assert_eq!(UploadMemory::first_bytes(Some(100)), 200);
        let charge = budget.try_charge(200).unwrap();
        let mut memory = UploadMemory::new(charge, Some(100));
        memory.hold(100).unwrap();
        assert_eq!(budget.used(), 200);
        memory.hold(1 << 20).unwrap();
        assert!(budget.used() > 1 << 20);
        memory.hold(10).unwrap();
        assert!(budget.used() < 1 << 10);
        assert!(memory.hold(16 << 20).is_err());
        drop(memory);
        assert_eq!(budget.used(), 0);
    }
}
