//! A batch: changes that are decided one after the other, made durable together, and published with one update of each branch.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::names::BranchName;
use crate::repo::error::{Error, Result};
use crate::repo::locks::Guard;
use crate::repo::packs::staged::{StagedObject, StagedObjects};
use crate::repo::parallel::in_parallel;
use crate::repo::parts::Parts;
use crate::repo::publish::batch_carryover::{BatchCarryover, cache_decoded, cache_encoded};
use crate::repo::publish::branch_update::BranchUpdate;
use crate::repo::publish::decision::Decision;
use crate::repo::publish::draft::Draft;
use crate::repo::publish::outcome::{Outcome, PendingOutcome};
use crate::repo::publish::preallocated_files::PreallocatedFiles;
use crate::repo::publish::write_txn::{TxnObjects, WriteTxn};

/// The maximum number of changes in a batch.
const CHANGES_MAX: usize = 256;
/// The size at which a batch takes no more changes, in bytes of objects. The last change may exceed it.
const BYTES_MAX: usize = 8 << 20;
/// The age at which a batch takes no more changes.
const AGE_MAX: Duration = Duration::from_millis(20);

/// A batch that takes changes.
pub(crate) struct OpenBatch<'r> {
    txn: WriteTxn<'r>,
    updates: Vec<BranchUpdate>,
    changes: usize,
    begun: Instant,
    refs_lock: Guard,
}

/// An open batch that waits for the next change.
pub(crate) struct ParkedBatch {
    objects: TxnObjects,
    updates: Vec<BranchUpdate>,
    changes: usize,
    begun: Instant,
    refs_lock: Guard,
}

/// A change that was decided on a batch.
pub(crate) struct DecidedChange<T, E> {
    /// The branch's tip after the change, and the value that came with the decision; or the error that refused the change.
    pub result: Result<(Option<gix::ObjectId>, T), E>,
    /// The branch; `None` if resolving it failed.
    pub branch: Option<BranchName>,
    /// Whether the change moves the branch.
    pub moves: bool,
    /// The outcome of the changes that the result depends on; `None` if it depends only on durable objects and refs.
    pub depends_on: Option<Arc<PendingOutcome>>,
    /// The objects that the change added to the pack. Its thread compresses them while it waits.
    pub new: Vec<Arc<StagedObject>>,
}

impl<'r> OpenBatch<'r> {
    /// Begins an empty batch: takes `refs.lock`.
    pub(crate) fn begin(
        parts: &'r Parts,
        deadline: Instant,
        carryover: Option<BatchCarryover>,
    ) -> Result<Self> {
        let refs_lock = parts.locks.refs_until(deadline)?;
        parts.packs.forget_deleted()?;
        let mut txn = WriteTxn::under(parts, None)?;
        if let Some(carryover) = carryover {
            carryover.add_to(&mut txn.objects);
        }
        Ok(Self {
            refs_lock,
            txn,
            updates: Vec::new(),
            changes: 0,
            begun: Instant::now(),
        })
    }

    /// Continues a batch that the previous change left with [`park`](Self::park).
    pub(crate) fn resume(parts: &'r Parts, parked: ParkedBatch) -> Self {
        Self {
            txn: WriteTxn::resume(parts, parked.objects, None),
            updates: parked.updates,
            changes: parked.changes,
            begun: parked.begun,
            refs_lock: parked.refs_lock,
        }
    }

    /// Suspends the batch, so that the next change can join it.
    pub(crate) fn park(self) -> ParkedBatch {
        ParkedBatch {
            objects: self.txn.into_objects(),
            updates: self.updates,
            changes: self.changes,
            begun: self.begun,
            refs_lock: self.refs_lock,
        }
    }

    /// Ends a published batch, and returns what the next one takes over.
    pub(crate) fn into_carryover(self) -> Option<BatchCarryover> {
        BatchCarryover::take_from(self.txn.into_objects())
    }

    /// Returns the files for the batch's pack.
    pub(crate) fn files(&self) -> Arc<PreallocatedFiles> {
        Arc::clone(&self.txn.objects.files)
    }

    /// Returns whether the batch takes no more changes.
    pub(crate) fn is_full(&self) -> bool {
        self.changes >= CHANGES_MAX
            || self.begun.elapsed() >= AGE_MAX
            || self.txn.objects.staged.size_bytes() >= BYTES_MAX
    }

    /// Decides a change on top of the batch's earlier changes, and adds it unless it is refused. If the change reads another branch
    /// that the batch is going to move, the batch is published first.
    pub(crate) fn decide<T, E: From<Error>>(
        &mut self,
        branch: Option<&BranchName>,
        staged: &StagedObjects,
        decide: &mut impl FnMut(&mut Draft<'_>) -> Result<(Decision, T), E>,
    ) -> DecidedChange<T, E> {
        let mut has_read_moving = false;
        let change = self.decide_once(branch, staged, decide, &mut has_read_moving);
        if !has_read_moving {
            return change;
        }
        drop(change);
        self.publish();
        self.decide_once(branch, staged, decide, &mut has_read_moving)
    }

    fn decide_once<T, E: From<Error>>(
        &mut self,
        branch: Option<&BranchName>,
        staged: &StagedObjects,
        decide: &mut impl FnMut(&mut Draft<'_>) -> Result<(Decision, T), E>,
        has_read_moving: &mut bool,
    ) -> DecidedChange<T, E> {
        // Refused changes count: their callers may retry at once, and would keep the batch from ever being published.
        self.changes += 1;
        let at = match self.update_of(branch) {
            Ok(at) => at,
            Err(error) => return DecidedChange::refused(error.into()),
        };
        let tip = self.updates[at].tip();
        let staged_before = self.txn.objects.staged.len();
        let result = self
            .draft_and_decide(at, decide, has_read_moving)
            .and_then(|(decision, value)| Ok((self.txn.carry_out(tip, decision)?, value)));
        let new = self.txn.objects.staged.after(staged_before);
        let update = &mut self.updates[at];
        let depends_on_earlier = update.new.is_some();
        let mut moves = false;
        if let Ok((Some(new), _)) = &result {
            moves = true;
            update.new = Some(*new);
            self.txn.objects.staged.add_all(staged);
        }
        DecidedChange {
            branch: Some(update.branch.clone()),
            moves,
            depends_on: (moves || depends_on_earlier).then(|| Arc::clone(&update.outcome)),
            new,
            result: result.map(|(new, value)| (new.or(tip), value)),
        }
    }

    fn draft_and_decide<T, E: From<Error>>(
        &self,
        at: usize,
        decide: &mut impl FnMut(&mut Draft<'_>) -> Result<(Decision, T), E>,
        has_read_moving: &mut bool,
    ) -> Result<(Decision, T), E> {
        let others = self.updates.iter().enumerate();
        let moving = others
            .filter(|(other, update)| *other != at && update.new.is_some())
            .map(|(_, update)| &update.branch)
            .collect();
        let tip = self.updates[at].tip();
        let mut draft = Draft::new(self.txn.repo(), tip, &self.txn.parts.refs, moving)?;
        let decided = decide(&mut draft);
        *has_read_moving = draft.has_read_moving();
        decided
    }

    /// Returns the index in `updates` of the update of `branch`, or of the default branch without `branch`. Adds the update if it
    /// is missing, after making the branch's tip durable.
    fn update_of(&mut self, branch: Option<&BranchName>) -> Result<usize> {
        let refs = &self.txn.parts.refs;
        let branch = refs.resolve_branch(branch)?;
        if let Some(at) = self
            .updates
            .iter()
            .position(|update| update.branch == branch)
        {
            return Ok(at);
        }
        let old = self.txn.durable_tip(&branch)?;
        if old.is_none() && refs.default_branch().ok().as_ref() != Some(&branch) {
            return Err(Error::UnknownBranch(branch.to_string()));
        }
        self.updates.push(BranchUpdate {
            branch,
            old,
            new: None,
            outcome: Arc::default(),
        });
        Ok(self.updates.len() - 1)
    }

    /// Adds the new commits and trees to the caches. This is optional: readers can read them from the pack.
    fn cache(&mut self, updates: &[BranchUpdate]) {
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

    /// Makes the objects of the batch durable, moves each branch once, and sets the outcome of each branch's changes. The batch is
    /// empty afterwards.
    pub(crate) fn publish(&mut self) {
        self.changes = 0;
        let mut updates = std::mem::take(&mut self.updates);
        updates.retain(|update| update.new.is_some());
        if updates.is_empty() {
            return;
        }
        self.cache(&updates);
        let refs = &self.txn.parts.refs;
        // Compressed first: other git processes wait only 100 ms for the lock file, which is taken next.
        let compressed = self.txn.objects.staged.compress();
        let (lock, synced) = in_parallel(
            || updates[0].lock(refs),
            || compressed.and_then(|()| self.txn.sync()),
        );
        if let Err(error) = synced {
            let error = Arc::new(error);
            for update in &updates {
                update.outcome.set(Outcome::Failed(Arc::clone(&error)));
            }
            return;
        }
        let mut lock = Some(lock);
        for update in &updates {
            update.publish(refs, lock.take());
        }
    }
}

impl<T, E> DecidedChange<T, E> {
    fn refused(error: E) -> Self {
        Self {
            result: Err(error),
            branch: None,
            moves: false,
            depends_on: None,
            new: Vec::new(),
        }
    }
}
