//! Updates the local copy of a store in a bucket, and runs the tasks of the server that last wrote to the bucket.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::repo::{Authority, AuthorityCounters, Freshness, RequestEnd, RequestId, SharedState};
use crate::store::error::Result;
use crate::store::open::Store;

/// The minimum number of replaced packs in the copy before they are deleted. A pack is replaced by a `gc`, or when small packs are joined.
const REPLACED_COUNT_MIN: usize = 16;
/// The pause between two updates of the copy while a caller waits until the copy has a certain generation (version number) of the shared
/// state.
const AWAIT_PAUSE: Duration = Duration::from_millis(50);

/// The result of [`Store::await_generation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowWait {
    /// The copy has reached the requested generation (version of the shared state) or a later one.
    Reached,
    /// The time limit was reached before the copy had the requested generation.
    TimedOut,
}

impl Store {
    /// Updates this copy to the current state of the bucket. Does nothing if the store is not in a bucket.
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

    /// Waits until this copy has at least the generation (version number) `generation` of the shared state, but no longer than `limit`.
    /// Callers that wait at the same time share the requests to the bucket.
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

    /// Makes sure that no server of the bucket applies the change of a request later, unless it was applied already.
    ///
    /// # Errors
    /// It is unknown whether the change was or will be applied; as for [`follow`](Self::follow).
    pub fn exclude_request(&self, request: &RequestId) -> Result<RequestEnd> {
        Ok(self.repo.exclude_request(request)?)
    }

    /// Returns the generation of the shared state to which this copy was last updated; 0 if the store is not in a bucket. Every change of
    /// the shared state increments the generation.
    pub fn generation(&self) -> u64 {
        self.repo.followed_generation()
    }

    /// Returns the state of the bucket to which this process last updated the copy; `None` before the first update, or if the store is not
    /// in a bucket.
    pub fn shared_state(&self) -> Option<Arc<SharedState>> {
        self.repo.followed_state()
    }

    /// Returns the [`Authority`] that moves the refs: on disk for an ordinary store, in the bucket for a store in a bucket.
    pub fn authority(&self) -> &Arc<dyn Authority> {
        self.repo.authority()
    }

    /// Returns the counters of the requests to the bucket; `None` if the store is not in a bucket.
    pub fn authority_counters(&self) -> Option<AuthorityCounters> {
        self.repo.authority().counters()
    }

    /// Joins small packs in the bucket if this process made the last write to it, and deletes packs of this copy that were replaced. A
    /// server calls this regularly.
    ///
    /// # Errors
    /// As for [`follow`](Self::follow).
    pub fn tidy_shared(&self) -> Result<()> {
        if self.repo.authority().is_last_writer() {
            while self.repo.roll_up_shared()? {}
        }
        Ok(self.repo.delete_replaced_packs(REPLACED_COUNT_MIN)?)
    }

    /// Wakes the index worker if it runs. Without a worker, the next query adds the missing commits to the index.
    fn wake_index(&self) {
        if let Some(wake) = self.index_wake.get() {
            // An error means that the channel is full: a wake-up is pending already.
            let _ = wake.try_send(());
        }
    }
}
