//! A share of the room that all uploads have together while they are spooled.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What one upload takes up; dropping it makes room for others.
pub(in crate::http) struct Share {
    /// A permit for each KiB.
    room: Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
    bytes: u64,
}

impl Share {
    /// Nothing yet, of that room.
    pub fn of(room: Arc<Semaphore>) -> Self {
        Self {
            room,
            taken: None,
            bytes: 0,
        }
    }

    /// Takes up so many bytes more; whether there was room for them.
    pub fn grow(&mut self, bytes: usize) -> bool {
        self.bytes += bytes as u64;
        let kib = usize::try_from(self.bytes >> 10).unwrap_or(usize::MAX);
        let taken = self
            .taken
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        let Ok(missing) = u32::try_from(kib - taken) else {
            return false;
        };
        let Ok(more) = Arc::clone(&self.room).try_acquire_many_owned(missing) else {
            return false;
        };
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            None => self.taken = Some(more),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_takes_up_others_do_not_have_until_it_is_dropped() {
        let room = Arc::new(Semaphore::new(10));
        let mut one = Share::of(Arc::clone(&room));
        let mut other = Share::of(Arc::clone(&room));
        assert!((0..8 << 10).all(|_| one.grow(1)));
        assert!(other.grow(2 << 10) && !other.grow(1 << 10));
        drop(one);
        assert!(other.grow(5 << 10));
        drop(other);
        assert_eq!(room.available_permits(), 10);
    }
}
