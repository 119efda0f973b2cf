//! A batch: changes that are decided one after the other, made durable together, and published with one update of each ref. "To decide a
//! change" means to compute, on a given tip, what the change does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gix::odb::memory::Storage;

use crate::names::RefName;
use crate::repo::authority::{AppliedRequest, Freshness, PackFiles, RequestId, Swap};
use crate::repo::error::{Error, Result};
use crate::repo::failpoints;
use crate::repo::following::BaseState;
use crate::repo::ids::shared_id;
use crate::repo::locks::Guard;
use crate::repo::packs::staged::StagedObject;
use crate::repo::parallel::in_parallel;
use crate::repo::parts::Parts;
use crate::repo::publish::batch_carryover::{BatchCarryover, cache_decoded, cache_encoded};
use crate::repo::publish::change_refs::ChangeRefs;
use crate::repo::publish::decision::Decision;
use crate::repo::publish::draft::Draft;
use crate::repo::publish::outcome::{Outcome, PendingOutcome};
use crate::repo::publish::preallocated_files::PreallocatedFiles;
use crate::repo::publish::tip_update::{self, TipUpdate};
use crate::repo::publish::write_txn::{TxnObjects, WriteTxn};

/// The maximum number of changes in a batch.
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
    /// The shared state on which the changes are decided, if several machines share the repository.
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

/// The decisions of a change (one for each of its refs), its value, and the new trees of each draft, if they are known.
type Decided<T> = (Vec<Decision>, T, Vec<Vec<gix::ObjectId>>);

/// A change that was decided, and added to the batch unless it was refused.
pub(crate) struct DecidedChange<T, E> {
    /// The tip of the change's first ref after the change, and the value that `decide` returned with its decisions; or the error that
    /// refused the change.
    pub result: Result<(Option<gix::ObjectId>, T), E>,
    /// The first ref of the change; `None` if the name of the ref could not be resolved.
    pub name: Option<RefName>,
    /// Whether the change moves a ref.
    pub moves: bool,
    /// The outcomes of the ref updates on which the result depends. The change is done when all of them are known. The list is empty if the
    /// result depends only on objects and refs that are durable already.
    pub depends_on: Vec<Arc<PendingOutcome>>,
    /// The shared state on which the change was decided, if several machines share the repository.
    pub base: BaseState,
    /// The objects that the change added to the pack of the batch. The thread of the change compresses them while it waits.
    pub new: Vec<Arc<StagedObject>>,
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

    /// Decides a change on top of the batch's earlier changes, and adds it to the batch unless it is refused. Calls `decide` with a draft
    /// for each of the change's refs; it must return a decision for each. If `decide` has read another branch that the batch is about to
    /// move, publishes the batch and decides the change again.
    pub(crate) fn decide<T, E: From<Error>>(
        &mut self,
        refs: ChangeRefs<'_>,
        objects: &TxnObjects,
        decide: &mut impl FnMut(&mut [Draft<'_>]) -> Result<(Vec<Decision>, T), E>,
    ) -> DecidedChange<T, E> {
        let mut has_read_moving = false;
        let change = self.decide_once(refs, objects, decide, &mut has_read_moving);
        if !has_read_moving {
            return change;
        }
        drop(change);
        self.publish();
        self.decide_once(refs, objects, decide, &mut has_read_moving)
    }

    fn decide_once<T, E: From<Error>>(
        &mut self,
        refs: ChangeRefs<'_>,
        objects: &TxnObjects,
        decide: &mut impl FnMut(&mut [Draft<'_>]) -> Result<(Vec<Decision>, T), E>,
        has_read_moving: &mut bool,
    ) -> DecidedChange<T, E> {
        let request = objects.request.as_ref();
        // If the same request has a change in this batch already, publishes the batch first, so that `find_request` finds it.
        let is_in_batch = |applied: &AppliedRequest| request.is_some_and(|it| it.id == applied.id);
        if self.requests.iter().any(is_in_batch) {
            self.publish();
        }
        match request.map(|request| self.txn.parts.find_request(request)) {
            Some(Ok(Some(applied))) => return self.repeat(refs, &applied, decide),
            Some(Err(error)) => return DecidedChange::refused(error.into(), &self.base),
            Some(Ok(None)) | None => {}
        }
        // Counts refused changes too. Otherwise callers that retry at once could keep the batch from ever being published.
        self.changes += 1;
        let at = match self.updates_of(refs) {
            Ok(at) => at,
            Err(error) => return DecidedChange::refused(error.into(), &self.base),
        };
        if !objects.adopted.is_empty() {
            self.txn.forget_unnamed();
        }
        if let Err(error) = self.txn.adopt_again(&objects.adopted) {
            return DecidedChange::refused(error.into(), &self.base);
        }
        let first_tip = self.updates[at[0]].tip();
        let staged_before = self.txn.objects.staged.len();
        let decided = self.draft_and_decide(&at, decide, has_read_moving);
        let result = decided.and_then(|(decisions, value, written)| {
            let mut new_tips = Vec::with_capacity(at.len());
            for ((at, decision), written) in at.iter().zip(decisions).zip(written) {
                let tip = self.updates[*at].tip();
                new_tips.push(self.txn.carry_out(tip, decision, &written)?);
            }
            Ok((new_tips, value))
        });
        let new_tips = result.as_ref().map_or(&[][..], |(new_tips, _)| new_tips);
        let moves = new_tips.iter().any(Option::is_some);
        if moves {
            self.txn.objects.staged.add_all(&objects.staged);
            self.txn.objects.add_packs(&objects.packs);
            self.note_request(request, first_tip, new_tips[0].or(first_tip));
        }
        let depends_on = self.note_new_tips(&at, new_tips);
        DecidedChange {
            name: Some(self.updates[at[0]].name.clone()),
            moves,
            depends_on,
            base: self.base.clone(),
            new: self.txn.objects.staged.after(staged_before),
            result: result.map(|(new_tips, value)| (new_tips[0].or(first_tip), value)),
        }
    }

    /// Handles a request that arrived again after its change was applied: calls `decide` on the tip before the change to get its value
    /// again, and moves nothing.
    fn repeat<T, E: From<Error>>(
        &mut self,
        refs: ChangeRefs<'_>,
        applied: &AppliedRequest,
        decide: &mut impl FnMut(&mut [Draft<'_>]) -> Result<(Vec<Decision>, T), E>,
    ) -> DecidedChange<T, E> {
        let mut repeated = || -> Result<_, E> {
            let mut tips = vec![
                applied
                    .before
                    .map(|id| self.txn.object_id(id))
                    .transpose()?,
            ];
            for name in refs.names(&self.txn.parts.refs)?.iter().skip(1) {
                tips.push(self.txn.durable_tip(name)?);
            }
            let after = applied.after.map(|id| self.txn.object_id(id)).transpose()?;
            let draft = |tip| Draft::new(self.txn.repo(), tip, &self.txn.parts.refs, Vec::new());
            let drafts = tips.into_iter().map(draft).collect::<Result<Vec<_>>>();
            let (_, value) = decide(&mut drafts?)?;
            Ok((after, value))
        };
        let repeated = repeated();
        DecidedChange {
            result: repeated,
            name: None,
            moves: false,
            depends_on: Vec::new(),
            base: self.base.clone(),
            new: Vec::new(),
        }
    }

    /// Records that the batch contains the change of this request.
    fn note_request(
        &mut self,
        request: Option<&RequestId>,
        before: Option<gix::ObjectId>,
        after: Option<gix::ObjectId>,
    ) {
        if let Some(request) = request {
            self.requests.push(AppliedRequest {
                id: request.id.clone(),
                generation: 0,
                before: before.map(|id| shared_id(&id)),
                after: after.map(|id| shared_id(&id)),
            });
        }
    }

    /// Records the tips to which a change moves its refs. `at` has the indices of the refs in `updates`; a new tip is `None` if the change
    /// does not move the ref. Returns the outcomes on which the result of the change depends: those of its refs that this change or an
    /// earlier change of the batch moves.
    fn note_new_tips(
        &mut self,
        at: &[usize],
        new_tips: &[Option<gix::ObjectId>],
    ) -> Vec<Arc<PendingOutcome>> {
        let moves_both = new_tips.iter().flatten().count() > 1;
        for (at, new) in at.iter().zip(new_tips) {
            let update = &mut self.updates[*at];
            update.new = new.or(update.new);
            update.moves_together |= moves_both;
        }
        let updates = at.iter().map(|at| &self.updates[*at]);
        let moving = updates.filter(|update| update.new.is_some());
        moving.map(|update| Arc::clone(&update.outcome)).collect()
    }

    fn draft_and_decide<T, E: From<Error>>(
        &self,
        at: &[usize],
        decide: &mut impl FnMut(&mut [Draft<'_>]) -> Result<(Vec<Decision>, T), E>,
        has_read_moving: &mut bool,
    ) -> Result<Decided<T>, E> {
        let mut drafts = Vec::with_capacity(at.len());
        for at in at {
            let others = self.updates.iter().enumerate();
            let moving = others
                .filter(|(other, update)| other != at && update.new.is_some())
                .map(|(_, update)| &update.name)
                .collect();
            let tip = self.updates[*at].tip();
            let refs = &self.txn.parts.refs;
            drafts.push(Draft::new(self.txn.repo(), tip, refs, moving)?);
        }
        let decided = decide(&mut drafts);
        *has_read_moving = drafts.iter().any(Draft::has_read_moving);
        let (decisions, value) = decided?;
        let written = drafts.into_iter().map(Draft::into_written).collect();
        Ok((decisions, value, written))
    }

    /// Returns the index of each ref in `updates`. If a ref is not there yet, makes its tip durable and adds it.
    fn updates_of(&mut self, refs: ChangeRefs<'_>) -> Result<Vec<usize>> {
        let names = refs.names(&self.txn.parts.refs)?;
        names.into_iter().map(|name| self.update_of(name)).collect()
    }

    fn update_of(&mut self, name: RefName) -> Result<usize> {
        if let Some(at) = self.updates.iter().position(|update| update.name == name) {
            return Ok(at);
        }
        let old = self.txn.durable_tip(&name)?;
        if let (None, RefName::Branch(branch)) = (old, &name)
            && self.txn.parts.refs.default_branch().ok().as_ref() != Some(branch)
        {
            return Err(Error::UnknownBranch(branch.to_string()));
        }
        self.updates.push(TipUpdate {
            name,
            old,
            new: None,
            moves_together: false,
            outcome: Arc::default(),
        });
        Ok(self.updates.len() - 1)
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
        // Compresses the objects before it takes the lock files of refs, because other git processes wait for those only 100 ms.
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

    /// Publishes the updates if several machines share the repository: one swap moves all refs, or none.
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
        // If other machines have swapped the state since this batch began, one of them may have run a gc that removed objects of this
        // batch.
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

impl<T, E> DecidedChange<T, E> {
    fn refused(error: E, base: &BaseState) -> Self {
        Self {
            result: Err(error),
            name: None,
            moves: false,
            depends_on: Vec::new(),
            base: base.clone(),
            new: Vec::new(),
        }
    }
}
