//! The memory of one upload: the chunk of the body that is being received, and what the store buffers.

use std::sync::{Arc, Mutex, PoisonError};

use crate::budget::Charge;
use crate::http::error::Result;

/// The number of bytes of a body that are decoded at a time.
pub(in crate::http) const CHUNK_BYTES: usize = 256 << 10;

/// The size up to which an upload is charged in one step, before it arrives, in bytes. The charge of a longer upload, or of an upload of
/// unknown length, grows while the body arrives.
const FIRST_BYTES_MAX: u64 = 1 << 20;

/// The charge of an upload of unknown length when it begins, in bytes.
const FIRST_BYTES_UNKNOWN: u64 = 32 << 10;

/// The charge of one upload. It grows without waiting, because an upload that holds memory must not wait for more.
pub(in crate::http) struct UploadMemory {
    charge: Charge,
    chunk_bytes: u64,
}

impl UploadMemory {
    /// Returns the number of bytes to charge before the body is read: enough for all of a small body.
    pub fn first_bytes(content_length: Option<u64>) -> u64 {
        let Some(length) = content_length else {
            return FIRST_BYTES_UNKNOWN;
        };
        length.min(FIRST_BYTES_MAX) + chunk_bytes(content_length)
    }

    /// Takes over the charge of an upload whose encoded body has this length; `None` if the length is unknown.
    pub fn new(charge: Charge, content_length: Option<u64>) -> Self {
        Self {
            charge,
            chunk_bytes: chunk_bytes(content_length),
        }
    }

    /// Resizes the charge to cover `buffered_bytes` and one chunk. A small surplus is kept, a large surplus is released.
    ///
    /// # Errors
    /// 503 if the memory is used up.
    pub fn hold(&mut self, buffered_bytes: usize) -> Result<()> {
        let needed = self.chunk_bytes + buffered_bytes as u64;
        // The charge is not changed for each piece, because every change takes a lock.
        if needed > self.charge.bytes() {
            let more = self.charge.try_resize(needed + needed / 2);
            more.or_else(|_| self.charge.try_resize(needed))?;
        } else if needed < self.charge.bytes() / 4 {
            self.charge.try_resize(needed * 2)?;
        }
        Ok(())
    }
}

/// The charge for a body that was received already. A handler takes it over instead of waiting for another one, because no request may wait
/// while it holds memory. It is an extension of such requests.
#[derive(Clone)]
pub(in crate::http) struct BufferedCharge(Arc<Mutex<Option<Charge>>>);

impl BufferedCharge {
    /// Wraps a charge, if there is one.
    pub fn new(charge: Option<Charge>) -> Self {
        Self(Arc::new(Mutex::new(charge)))
    }

    /// Returns the charge the first time.
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
