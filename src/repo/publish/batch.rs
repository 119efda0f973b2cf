//! A batch: changes that are decided one after the other, made durable together, and published with one update of each ref.

mod decide;

use std::sync::Arc;
use std::time::{Duration, Instant};

use gix::odb::memory::Storage;

use crate::repo::authority::{AppliedRequest, Freshness, PackFiles, Swap};
use crate::repo::error::Result;
use crate::repo::failpoints;
use crate::repo::following::BaseState;
use crate::repo::locks::Guard;
use crate::repo::parallel::in_parallel;
use crate::repo::parts::Parts;
use crate::repo::publish::batch_carryover::{BatchCarryover, cache_decoded, cache_encoded};
use crate::repo::publish::outcome::Outcome;
use crate::repo::publish::preallocated_files::PreallocatedFiles;
use crate::repo::publish::tip_update::{self, TipUpdate};
use crate::repo::publish::write_txn::{TxnObjects, WriteTxn};

pub(crate) use decide::DecidedChange;

/// The maximum number of changes in a batch (a group of changes that are published together).
const CHANGES_MAX: usize = 256;
/// The total size of the objects of a batch, in bytes, at which the batch stops accepting changes. The last change may exceed it.
const BYTES_MAX: usize = 8 << 20;
/// The age at which a batch stops accepting changes.
const AGE_MAX: Duration = Duration::from_millis(20);

/// A batch that the current thread may add changes to.
pub(crate) struct OpenBatch<'r> {
    txn: WriteTxn<'r>,
    updates: Vec<TipUpdate>,
    changes: usize,
    begun: Instant,
    refs_lock: Guard,
    /// The client requests whose changes are in the batch. Recorded so that a repeated request is not applied twice.
    requests: Vec<AppliedRequest>,
    /// Identifies the shared state (the refs and packs in the bucket) on which the changes are built, if several machines share the
    /// repository.
    base: BaseState,
}

/// A batch that no thread works on. It waits for the thread with the next change.
pub(crate) struct ParkedBatch {
    objects: TxnObjects,
    updates: Vec<TipUpdate>,
    changes: usize,
    begun: Instant,
    refs_lock: Guard,
    requests: Vec<AppliedRequest>,
    base: BaseState,
}

impl<'r> OpenBatch<'r> {
    /// Begins an empty batch. Takes `refs.lock`.
    pub(crate) fn begin(
        parts: &'r Parts,
        deadline: Instant,
        carryover: Option<BatchCarryover>,
    ) -> Result<Self> {
        let refs_lock = parts.locks.refs_until(deadline)?;
        parts.catch_up(Freshness::LastSwap)?;
        parts.packs.forget_deleted()?;
        let base = parts.base_state();
        let mut txn = WriteTxn::under(parts, None)?;
        if let Some(carryover) = carryover {
            carryover.add_to(&mut txn.objects, &base);
        }
        Ok(Self {
            refs_lock,
            txn,
            updates: Vec::new(),
            changes: 0,
            begun: Instant::now(),
            requests: Vec::new(),
            base,
        })
    }

    /// Continues a batch that another thread has suspended with [`park`](Self::park).
    pub(crate) fn resume(parts: &'r Parts, parked: ParkedBatch) -> Self {
        Self {
            txn: WriteTxn::resume(parts, parked.objects, None),
            updates: parked.updates,
            changes: parked.changes,
            begun: parked.begun,
            refs_lock: parked.refs_lock,
            requests: parked.requests,
            base: parked.base,
        }
    }

    /// Suspends the batch, so that another thread can add its change.
    pub(crate) fn park(self) -> ParkedBatch {
        ParkedBatch {
            objects: self.txn.into_objects(),
            updates: self.updates,
            changes: self.changes,
            begun: self.begun,
            refs_lock: self.refs_lock,
            requests: self.requests,
            base: self.base,
        }
    }

    /// Ends a published batch. Returns the objects that the next batch can use from memory.
    pub(crate) fn into_carryover(self) -> Option<BatchCarryover> {
        BatchCarryover::take_from(self.txn.into_objects(), self.base)
    }

    /// Returns the files that were created in advance for the batch's pack.
    pub(crate) fn files(&self) -> Arc<PreallocatedFiles> {
        Arc::clone(&self.txn.objects.files)
    }

    /// Returns whether the batch accepts no more changes.
    pub(crate) fn is_full(&self) -> bool {
        self.changes >= CHANGES_MAX
            || self.begun.elapsed() >= AGE_MAX && !failpoints::is_on("batches of any age")
            || self.txn.objects.staged.size_bytes() >= BYTES_MAX
    }

    /// Adds the new commits and trees to the caches. An error is only logged, because readers can read the objects from the pack.
    fn cache(&mut self, updates: &[TipUpdate]) {
        let TxnObjects {
            handles, staged, ..
        } = &mut self.txn.objects;
        let memory = handles.take_memory();
        let caches = &self.txn.parts.objects.caches;
        cache_encoded(caches, &memory, staged);
        for tip in updates.iter().filter_map(|update| update.new) {
            if let Err(error) = cache_decoded(caches, &memory, staged, tip) {
                tracing::debug!(%error, "failed to cache a new commit");
            }
        }
        handles.set_memory(memory);
    }

    /// Publishes the batch: makes its objects durable, moves each ref once, and sets the outcome of each ref. The batch is empty
    /// afterwards.
    pub(crate) fn publish(&mut self) {
        self.changes = 0;
        let mut updates = std::mem::take(&mut self.updates);
        updates.retain(|update| update.new.is_some());
        if updates.is_empty() {
            return;
        }
        tip_update::sort(&mut updates);
        self.cache(&updates);
        if self.txn.is_shared() {
            return self.publish_shared(&updates);
        }
        let refs = &self.txn.parts.refs;
        // Compresses the objects before it takes the lock files of refs, because other git processes wait only 100 ms for such a lock file.
        let compressed = self.txn.objects.staged.compress();
        let (locks, synced) = in_parallel(
            || tip_update::lock_first(refs, &updates),
            || compressed.and_then(|()| self.txn.sync()),
        );
        if let Err(error) = synced {
            let error = Arc::new(error);
            for update in &updates {
                update.outcome.set(Outcome::Failed(Arc::clone(&error)));
            }
            return;
        }
        tip_update::publish_all(refs, &updates, locks);
    }

    /// Publishes the updates of a repository that several machines share. One atomic change moves all refs; if it fails, no ref moves.
    fn publish_shared(&mut self, updates: &[TipUpdate]) {
        let swapped = self.txn.sync().and_then(|()| {
            let swap = Swap {
                updates: updates.iter().map(TipUpdate::to_update).collect(),
                added: self.txn.objects.packs.iter().map(PackFiles::from).collect(),
                requests: std::mem::take(&mut self.requests),
                ..Swap::default()
            };
            self.txn.parts.swap(&swap)
        });
        self.txn.objects.packs.clear();
        self.requests.clear();
        self.txn.forget_unnamed();
        let before = std::mem::replace(&mut self.base, self.txn.parts.base_state());
        // If other machines have changed the shared state since this batch began, one of them may have run a gc that removed objects of
        // this batch.
        let is_newest = self.base.generation == before.generation + 1;
        let outcome = match swapped {
            Ok(true) => Outcome::Published,
            Ok(false) => Outcome::Retry,
            Err(error) => Outcome::from(error),
        };
        if !matches!(outcome, Outcome::Published) || !is_newest {
            // Forgets the objects of this batch, because the shared state may not contain them.
            self.txn.objects.durable.clear();
            drop(self.txn.objects.handles.take_memory());
            self.txn.objects.handles.set_memory(Storage::default());
        }
        for update in updates {
            update.outcome.set(outcome.clone());
        }
    }
}
