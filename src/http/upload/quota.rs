//! The limit on the total size of uploads in progress. The limit on one module is
//! [`ModuleLimits::module_bytes_max`](crate::config::ModuleLimits::module_bytes_max), which validation enforces.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::ServerLimits;

/// The quota that all uploads share: the disk space for spooled uploads. One permit stands for one KiB.
pub(in crate::http) struct UploadQuota(Arc<Semaphore>);

impl UploadQuota {
    /// Creates a quota of [`spool_bytes_max`](ServerLimits::spool_bytes_max) bytes.
    pub fn new(limits: &ServerLimits) -> Self {
        let kib = usize::try_from(limits.spool_bytes_max >> 10).unwrap_or(usize::MAX);
        Self(Arc::new(Semaphore::new(kib.min(Semaphore::MAX_PERMITS))))
    }

    /// Returns an empty reservation. [`UploadReservation::grow`] adds space to it.
    pub fn reserve(&self) -> UploadReservation {
        UploadReservation {
            quota: Arc::clone(&self.0),
            permits: None,
            bytes: 0,
        }
    }
}

/// The part of the quota that one upload has reserved. Dropping this value releases it.
pub(in crate::http) struct UploadReservation {
    quota: Arc<Semaphore>,
    permits: Option<OwnedSemaphorePermit>,
    bytes: u64,
}

impl UploadReservation {
    /// Reserves `bytes` more. Returns false if the quota is used up.
    pub fn grow(&mut self, bytes: usize) -> bool {
        self.bytes += bytes as u64;
        let kib = usize::try_from(self.bytes >> 10).unwrap_or(usize::MAX);
        let held_kib = self
            .permits
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        let Ok(missing_kib) = u32::try_from(kib - held_kib) else {
            return false;
        };
        let Ok(more) = Arc::clone(&self.quota).try_acquire_many_owned(missing_kib) else {
            return false;
        };
        match &mut self.permits {
            Some(permits) => permits.merge(more),
            None => self.permits = Some(more),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_space_is_available_again_after_the_drop() {
        let quota = UploadQuota(Arc::new(Semaphore::new(10)));
        let (mut one, mut other) = (quota.reserve(), quota.reserve());
        assert!((0..8 << 10).all(|_| one.grow(1)));
        assert!(other.grow(2 << 10) && !other.grow(1 << 10));
        drop(one);
        assert!(other.grow(5 << 10));
        drop(other);
        assert_eq!(quota.0.available_permits(), 10);
    }
}
