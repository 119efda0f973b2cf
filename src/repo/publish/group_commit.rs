//! Group commit: changes that come at the same time share one pack, one set of flushes and one move of each branch.
//!
//! There is no queue and no thread of its own. A batch stands in a place that one thread at a time may enter. Whoever enters
//! judges its own change on the batch as the earlier ones left it, and looks whether somebody waits to enter: if so it leaves the
//! batch to that one, else it publishes it, while newcomers gather before the place. So one caller waits for nobody, and N
//! callers share the flushes. `refs.lock` is held from the first judgement to the last move.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::repo::error::{Error, Result};
use crate::repo::lifecycle::open::Repository;
use crate::repo::publish::batch::{Batch, Parked};
use crate::repo::publish::batch_carryover::Recent;

/// Where the changes of one process meet.
#[derive(Default)]
pub(crate) struct Group {
    place: Mutex<Place>,
    /// How many are about to enter. Counted before the place is free for them, so that whoever is in it knows of them.
    waiting: AtomicUsize,
}

/// What one thread at a time may work on.
#[derive(Default)]
struct Place {
    /// A batch that was left to the next change.
    parked: Option<Parked>,
    /// What the last batch left to the next one.
    recent: Option<Recent>,
}

/// The right to work on the batch.
pub(crate) struct Turn<'r> {
    group: &'r Group,
    place: MutexGuard<'r, Place>,
}

impl Group {
    /// Waits for the turn; whoever holds it never waits for another change.
    pub(crate) fn enter(&self) -> Turn<'_> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        // A panic in the place leaves it empty: the batch was taken out of it.
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        Turn { group: self, place }
    }
}

impl<'r> Turn<'r> {
    /// The batch that was left here, or a new one. While it is out of its place, a panic ends it: see [`Outcome`].
    pub(crate) fn batch(
        &mut self,
        repository: &'r Repository,
        deadline: Instant,
    ) -> Result<Batch<'r>> {
        match self.place.parked.take() {
            Some(parked) => Ok(Batch::resume(repository, parked)),
            None => Batch::begin(repository, deadline, self.place.recent.take()),
        }
    }

    /// Leaves the batch to the next change, or publishes it if none waits for it; returns whether it did.
    pub(crate) fn leave(mut self, mut batch: Batch<'r>) -> bool {
        let is_awaited = self.group.waiting.load(Ordering::SeqCst) > 0;
        if is_awaited && !batch.is_full() {
            self.place.parked = Some(batch.park());
            return false;
        }
        batch.publish();
        self.place.recent = batch.recent();
        true
    }
}

/// What became of a branch's changes in a batch.
#[derive(Clone)]
pub(crate) enum Verdict {
    /// They are durable, and the branch was moved.
    Published,
    /// Nothing happened: they are to be judged again.
    Again,
    /// Nothing happened: an outside git holds the branch.
    Held(Arc<Error>),
    /// Nothing happened, for this reason.
    Failed(Arc<Error>),
    /// The branch was moved, and whether that survives a power cut is not known.
    Unconfirmed(Arc<Error>),
}

/// Tells the verdict to every change that waits for it.
#[derive(Default)]
pub(crate) struct Outcome {
    verdict: Mutex<Option<Verdict>>,
    told: Condvar,
}

impl Outcome {
    pub(crate) fn tell(&self, verdict: Verdict) {
        let mut place = self.verdict.lock().unwrap_or_else(PoisonError::into_inner);
        place.get_or_insert(verdict);
        self.told.notify_all();
    }

    pub(crate) fn wait(&self) -> Verdict {
        let mut place = self.verdict.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(verdict) = &*place {
                return verdict.clone();
            }
            place = self
                .told
                .wait(place)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}
