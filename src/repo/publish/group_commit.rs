//! Group commit: changes that arrive at the same time share one pack, one set of fsyncs and one update of each branch.
//!
//! There is no queue and no dedicated thread. The open batch is in a slot that one thread at a time may enter. The thread that enters
//! decides its own change on top of the batch's earlier changes, and checks whether another thread waits to enter. If so, it leaves the
//! batch to that thread; otherwise it publishes the batch, while new threads begin to wait for the slot. So a single writer never waits,
//! and N writers share the fsyncs. `refs.lock` is held from the first decision to the last ref update.

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

/// How long a change is decided again and again while other writers keep moving the branch.
const RETRY_MAX: Duration = Duration::from_secs(10);

/// How long a change waits, without any lock, before it tries again because another git process holds its branch's lock file.
const LOCKED_PAUSE: Duration = Duration::from_millis(50);

/// Publishes the changes of one process.
#[derive(Default)]
pub(crate) struct Publisher {
    slot: Mutex<Slot>,
    /// How many threads are about to enter the slot. A thread is counted before it waits for the slot, so that the thread inside
    /// knows of it.
    waiting: AtomicUsize,
}

/// The state that only the thread inside the slot may use.
#[derive(Default)]
struct Slot {
    /// A batch that was left to the next change.
    parked: Option<ParkedBatch>,
    /// The objects that the last batch leaves in memory for the next one.
    carryover: Option<BatchCarryover>,
}

impl Publisher {
    /// Publishes one change on `branch`, or on the default branch. `decide` gets a draft on the branch's tip; if another writer
    /// moves the branch, it is called again on the new tip.
    ///
    /// # Errors
    /// The error of `decide`; `UnknownBranch`; `Moved` if other writers kept moving the branch for too long; `Batch` if the change
    /// could not be made durable. After these errors the branch is unchanged; after `Unconfirmed` it may have moved.
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

    /// Publishes one change of `refs` like [`publish`](Self::publish): `decide` gets a draft for each ref, the branch first, and
    /// returns a decision for each. Either both refs move or none, except after a crash or a failure of the disk: the refs move one after the other,
    /// `refs/oci/records` first, so only that one may have moved then.
    ///
    /// # Errors
    /// As for [`publish`](Self::publish).
    pub(crate) fn publish_refs<T, E: From<Error>>(
        &self,
        mut txn: WriteTxn<'_>,
        refs: ChangeRefs<'_>,
        mut decide: impl FnMut(&mut [Draft<'_>]) -> Result<(Vec<Decision>, T), E>,
    ) -> Result<Published<T>, E> {
        // Loose objects are fsynced, and the others compressed, while other threads may still move refs.
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
                // Helps the publishing thread while waiting. That thread repeats whatever fails here, and reports the error.
                files.add(&parts.objects.tmp_dir());
                for object in &change.new {
                    let _ = object.compress();
                }
            }
            let outcomes = change.depends_on.iter().map(|outcome| outcome.wait());
            match Outcome::of_all(outcomes) {
                Outcome::Published => {
                    let is_decided_on_old_state = !change.moves
                        && change.depends_on.is_empty()
                        && !parts.is_confirmed(&change.base)?;
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
                // Other changes proceed while another git process holds this branch's lock file.
                Outcome::Locked(_) if begun.elapsed() < RETRY_MAX => {
                    std::thread::sleep(LOCKED_PAUSE);
                }
                Outcome::Locked(error) => return Err(Error::Batch(error).into()),
                // The branch moved, or this change depended on a change that failed. In both cases, this change is decided again.
                _ if begun.elapsed() >= RETRY_MAX => {
                    let name = change.name.expect("BUG: it depends on a ref");
                    return Err(Error::Moved(name).into());
                }
                _ => {}
            }
        }
    }

    /// Waits for the slot. The thread that holds it never waits for another change.
    fn enter(&self) -> Turn<'_> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        failpoints::reached("wait for the slot");
        // A thread that panicked while it held the slot had taken the batch out before, so the slot contains no batch.
        let slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        Turn {
            publisher: self,
            slot,
        }
    }
}

/// The exclusive right of a thread to use the batch in the slot.
struct Turn<'p> {
    publisher: &'p Publisher,
    slot: MutexGuard<'p, Slot>,
}

impl Turn<'_> {
    /// Takes the parked batch out of the slot, or begins a new one. If the thread panics before it puts the batch back, the batch
    /// is dropped and its changes are decided again: see `TipUpdate`.
    fn batch<'r>(&mut self, parts: &'r Parts, deadline: Instant) -> Result<OpenBatch<'r>> {
        match self.slot.parked.take() {
            Some(parked) => Ok(OpenBatch::resume(parts, parked)),
            None => OpenBatch::begin(parts, deadline, self.slot.carryover.take()),
        }
    }

    /// Leaves the batch to the next change, or publishes it if no thread waits; returns whether it was published.
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
