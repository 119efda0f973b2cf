//! Group commit: changes that arrive at the same time share one pack, one set of fsyncs and one update of each branch.
//!
//! There is no queue and no dedicated thread. The open batch is in a slot that one thread at a time may enter. That thread decides its own
//! change on top of the batch's earlier changes. Then, if another thread waits to enter, it leaves the batch to that thread; otherwise it
//! publishes the batch, while new threads begin to wait for the slot. So a single writer never waits, and N writers share the fsyncs.
//! `refs.lock` is held from the first decision to the last ref update.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::field::display;

use crate::names::{BranchName, RefName};
use crate::repo::error::{Error, Result};
use crate::repo::failpoints;
use crate::repo::ids::commit_id;
use crate::repo::locks::PATIENCE;
use crate::repo::parts::Parts;
use crate::repo::publish::batch::{DecidedChange, OpenBatch, ParkedBatch};
use crate::repo::publish::batch_carryover::BatchCarryover;
use crate::repo::publish::change_refs::ChangeRefs;
use crate::repo::publish::decision::{Decision, Published};
use crate::repo::publish::draft::Draft;
use crate::repo::publish::outcome::Outcome;
use crate::repo::publish::write_txn::WriteTxn;

/// The time during which a change is decided again whenever another writer has moved its branch.
const RETRY_MAX: Duration = Duration::from_secs(10);

/// The pause before a change is tried again because another git process holds the lock file of its branch. No lock is held during the
/// pause.
const LOCKED_PAUSE: Duration = Duration::from_millis(50);

/// Publishes the changes of all threads of one process, many changes at once (group commit).
#[derive(Default)]
pub(crate) struct Publisher {
    slot: Mutex<Slot>,
    /// The number of threads that wait for `slot`. A thread counts itself before it waits, so that the thread that has locked `slot` leaves
    /// its batch of changes to it, unpublished.
    waiting: AtomicUsize,
}

/// The data of a [`Publisher`] that only one thread at a time may use: the thread that has locked the mutex `slot`.
#[derive(Default)]
struct Slot {
    /// The batch of changes that the last thread has decided, but left to the next thread to publish; `None` if there is none.
    parked: Option<ParkedBatch>,
    /// The commits and trees that the last batch has written. They stay in memory for the next batch. `None` if there are none, or if they
    /// are too large.
    carryover: Option<BatchCarryover>,
}

impl Publisher {
    /// Publishes one change on `branch`, or on the default branch. Calls `decide` with a draft: an editable copy of the tree at the
    /// branch's tip. If another writer moves the branch, calls `decide` again on the new tip.
    ///
    /// # Errors
    /// The error of `decide`; `UnknownBranch`; `Moved` if other writers moved the branch again and again for too long; `Batch` if the
    /// change could not be made durable. After these errors the branch is unchanged. After `Unconfirmed` it may have moved.
    pub(crate) fn publish<T, E: From<Error>>(
        &self,
        txn: WriteTxn<'_>,
        branch: Option<&BranchName>,
        mut decide: impl FnMut(&mut Draft<'_>) -> Result<(Decision, T), E>,
    ) -> Result<Published<T>, E> {
        self.publish_refs(txn, ChangeRefs::Branch(branch), |drafts| {
            let draft = drafts.first_mut().expect("BUG: the change has one ref");
            let (decision, value) = decide(draft)?;
            Ok((vec![decision], value))
        })
    }

    /// Publishes one change of `refs` like [`publish`](Self::publish): calls `decide` with a draft for each ref, the branch first; `decide`
    /// must return a decision for each draft. Moves either both refs or none, except after a crash or a failure of the disk: the refs move
    /// one after the other, `refs/oci/records` first, so only that ref may have moved.
    ///
    /// # Errors
    /// The errors of [`publish`](Self::publish).
    pub(crate) fn publish_refs<T, E: From<Error>>(
        &self,
        mut txn: WriteTxn<'_>,
        refs: ChangeRefs<'_>,
        mut decide: impl FnMut(&mut [Draft<'_>]) -> Result<(Vec<Decision>, T), E>,
    ) -> Result<Published<T>, E> {
        // Fsyncs loose objects and compresses the others here, before the slot is entered, so that other threads can move refs at the same
        // time.
        txn.objects.loose.sync()?;
        txn.objects.staged.compress()?;
        let parts = txn.parts;
        let begun = Instant::now();
        loop {
            let mut turn = self.enter();
            let mut batch = turn.batch(parts, begun + PATIENCE)?;
            let change = batch.decide(refs, &txn.objects, &mut decide);
            let files = batch.files();
            if turn.leave(batch) {
                parts.roll_up_when_due();
            } else {
                // While this thread waits, it helps the thread that publishes. It ignores errors: the other thread repeats what failed, and
                // reports the error.
                files.add(&parts.objects.tmp_dir());
                for object in &change.new {
                    let _ = object.compress();
                }
            }
            let outcomes = change.depends_on.iter().map(|outcome| outcome.wait());
            match Outcome::of_all(outcomes) {
                Outcome::Published => {
                    let is_decided_on_old_state = match &change.base {
                        Some(base) if !change.moves && change.depends_on.is_empty() => {
                            !parts.is_confirmed(base)?
                        }
                        _ => false,
                    };
                    if !is_decided_on_old_state || begun.elapsed() >= RETRY_MAX {
                        return published(change);
                    }
                }
                Outcome::Failed(error) if change.moves => {
                    return Err(Error::Batch(error).into());
                }
                Outcome::Unconfirmed(source) if change.moves => {
                    return Err(Error::Unconfirmed { source }.into());
                }
                // Tries again later, so that other changes can proceed while another git process holds this branch's lock file.
                Outcome::Locked(_) if begun.elapsed() < RETRY_MAX => {
                    std::thread::sleep(LOCKED_PAUSE);
                    continue;
                }
                Outcome::Locked(error) => return Err(Error::Batch(error).into()),
                // This change must be decided again below, because the branch moved or an earlier change on which it depended has failed.
                _ => {}
            }
            // While the last writer makes one swap after another, this process is almost always too late. So the caller can forward the
            // change to the last writer instead.
            let is_overtaken = txn.fails_if_overtaken && !parts.authority.is_last_writer();
            match change.name {
                Some(name) if is_overtaken || begun.elapsed() >= RETRY_MAX => {
                    return Err(Error::Moved(name).into());
                }
                _ => {}
            }
        }
    }

    /// Waits for the slot, a mutex around the open batch of changes. The thread that holds the slot never waits for another change, so the
    /// wait ends.
    fn enter(&self) -> Turn<'_> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        failpoints::reached("wait for the slot");
        // A poisoned slot contains no batch, because a thread takes the batch out of the slot before it can panic.
        let slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        Turn {
            publisher: self,
            slot,
        }
    }
}

/// The exclusive right of a thread to use the slot, which contains the open batch of changes. Dropping the value releases the slot.
struct Turn<'p> {
    publisher: &'p Publisher,
    slot: MutexGuard<'p, Slot>,
}

impl Turn<'_> {
    /// Takes the batch of changes that the last thread left in the slot, or begins a new one. If this thread panics before it puts the
    /// batch back, the batch is dropped and its changes are decided again: see `TipUpdate`.
    fn batch<'r>(&mut self, parts: &'r Parts, deadline: Instant) -> Result<OpenBatch<'r>> {
        match self.slot.parked.take() {
            Some(parked) => Ok(OpenBatch::resume(parts, parked)),
            None => OpenBatch::begin(parts, deadline, self.slot.carryover.take()),
        }
    }

    /// Leaves the batch to the next thread if one waits and the batch is not full; otherwise publishes the batch. Returns whether it was
    /// published.
    fn leave(mut self, mut batch: OpenBatch<'_>) -> bool {
        let is_awaited = self.publisher.waiting.load(Ordering::SeqCst) > 0;
        if is_awaited && !batch.is_full() {
            self.slot.parked = Some(batch.park());
            return false;
        }
        batch.publish();
        self.slot.carryover = batch.into_carryover();
        true
    }
}

fn published<T, E>(change: DecidedChange<T, E>) -> Result<Published<T>, E> {
    let (tip, value) = change.result?;
    let branch = match &change.name {
        Some(RefName::Branch(branch)) => Some(branch.clone()),
        _ => None,
    };
    if change.moves {
        let (name, to) = (change.name.as_ref(), tip.map(display));
        tracing::info!(name = name.map(display), to, "published");
    }
    Ok(Published {
        branch,
        commit: tip.map(|id| commit_id(&id)),
        has_moved: change.moves,
        value,
    })
}
