//! Follows the shared state, and does the duties of the server that made the last swap.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::repo::{Authority, AuthorityCounters, Freshness, SharedState};
use crate::store::error::Result;
use crate::store::open::Store;

/// The number of packs that gc or roll-ups have replaced, at which they are deleted from the copy.
const REPLACED_COUNT_MIN: usize = 16;
/// The pause between two attempts to reach a generation.
const AWAIT_PAUSE: Duration = Duration::from_millis(50);

/// The result of waiting for a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowWait {
    /// The copy has at least this generation.
    Reached,
    /// The time was over first.
    TimedOut,
}

impl Store {
    /// Makes this copy equal to the shared state. Does nothing on one disk.
    ///
    /// # Errors
    /// The bucket cannot be reached; a pack is damaged; the copy cannot be written.
    pub fn follow(&self) -> Result<()> {
        let before = self.generation();
        self.repo.catch_up(Freshness::Current)?;
        if self.generation() != before {
            self.wake_index();
        }
        Ok(())
    }

    /// Waits until this copy has the generation. Callers that wait at the same time share the requests.
    ///
    /// # Errors
    /// As for [`follow`](Self::follow).
    pub fn await_generation(&self, generation: u64, limit: Duration) -> Result<FollowWait> {
        let begun = Instant::now();
        while self.generation() < generation {
            if begun.elapsed() >= limit {
                return Ok(FollowWait::TimedOut);
            }
            let _one_at_a_time = self
                .follow_lock
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            if self.generation() >= generation {
                break;
            }
            self.follow()?;
            if self.generation() < generation {
                std::thread::sleep(AWAIT_PAUSE);
            }
        }
        Ok(FollowWait::Reached)
    }

    /// Returns the generation of this copy; 0 on one disk.
    pub fn generation(&self) -> u64 {
        self.repo.followed_generation()
    }

    /// Returns the state that this process last followed; `None` on one disk, or before the first.
    pub fn shared_state(&self) -> Option<Arc<SharedState>> {
        self.repo.followed_state()
    }

    /// Returns who decides about the refs.
    pub fn authority(&self) -> &Arc<dyn Authority> {
        self.repo.authority()
    }

    /// Returns what was counted of the requests to the bucket; `None` on one disk.
    pub fn authority_counters(&self) -> Option<AuthorityCounters> {
        self.repo.authority().counters()
    }

    /// Rolls small packs up in the bucket if this process made the last swap, and deletes the packs of this copy that were replaced. Called
    /// regularly.
    ///
    /// # Errors
    /// As for [`follow`](Self::follow).
    pub fn tidy_shared(&self) -> Result<()> {
        if self.repo.authority().is_last_writer() {
            while self.repo.roll_up_shared()? {}
        }
        Ok(self.repo.delete_replaced_packs(REPLACED_COUNT_MIN)?)
    }

    /// Wakes the index worker if there is one. Without a worker, the next query adds the missing commits.
    fn wake_index(&self) {
        if let Some(wake) = self.index_wake.get() {
            // An error means that the channel is full: the worker has not yet handled the previous wake-up.
            let _ = wake.try_send(());
        }
    }
}
