//! Decides changes on top of a batch. "To decide a change" means to compute, on a given tip, what the change does.

use std::sync::Arc;

use super::OpenBatch;
use crate::names::RefName;
use crate::repo::authority::{AppliedRequest, RequestId};
use crate::repo::error::{Error, Result};
use crate::repo::following::BaseState;
use crate::repo::ids::shared_id;
use crate::repo::packs::staged::StagedObject;
use crate::repo::publish::change_refs::ChangeRefs;
use crate::repo::publish::decision::Decision;
use crate::repo::publish::draft::Draft;
use crate::repo::publish::outcome::PendingOutcome;
use crate::repo::publish::tip_update::TipUpdate;
use crate::repo::publish::write_txn::TxnObjects;

/// The decisions of a change (one for each of its refs), its value, and the new trees of each draft, if they are known. A draft is an
/// editable copy of the tree of a ref's tip.
type Decided<T> = (Vec<Decision>, T, Vec<Vec<gix::ObjectId>>);

/// The result of calling a change's `decide` function: the change was either refused or added to the batch.
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
    /// Identifies the shared state (the refs and packs in the bucket) on which the change was built, if several machines share the
    /// repository. `None` if the result holds for all later states too, because the request of the change was handled before.
    pub base: Option<BaseState>,
    /// The objects that the change added to the pack of the batch. The thread of the change compresses them while it waits.
    pub new: Vec<Arc<StagedObject>>,
}

impl<T, E> DecidedChange<T, E> {
    fn refused(error: E, base: Option<&BaseState>) -> Self {
        Self {
            result: Err(error),
            name: None,
            moves: false,
            depends_on: Vec::new(),
            base: base.cloned(),
            new: Vec::new(),
        }
    }
}

impl OpenBatch<'_> {
    /// Decides a change on top of the batch's earlier changes, and adds it to the batch unless it is refused. Calls `decide` with a
    /// [`Draft`] (the tip, and its tree with the edits so far) for each of the change's refs; `decide` must return a decision for each
    /// draft. If `decide` has read another branch that the batch is about to move, publishes the batch and decides the change again.
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
            Some(Ok(Some(found))) if found.is_excluded() => {
                let reason = "another server has refused the request".to_owned();
                return DecidedChange::refused(Error::Busy(reason).into(), None);
            }
            Some(Ok(Some(applied))) => return self.repeat(refs, &applied, decide),
            Some(Err(error)) => return DecidedChange::refused(error.into(), None),
            Some(Ok(None)) | None => {}
        }
        // Counts refused changes too. Otherwise callers that retry at once could keep the batch from ever being published.
        self.changes += 1;
        let at = match self.updates_of(refs) {
            Ok(at) => at,
            Err(error) => return DecidedChange::refused(error.into(), Some(&self.base)),
        };
        if !objects.existing_objects.is_empty() {
            self.txn.forget_unnamed();
        }
        if let Err(error) = self.txn.recheck_existing_objects(&objects.existing_objects) {
            return DecidedChange::refused(error.into(), Some(&self.base));
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
            base: Some(self.base.clone()),
            new: self.txn.objects.staged.after(staged_before),
            result: result.map(|(new_tips, value)| (new_tips[0].or(first_tip), value)),
        }
    }

    /// Handles a request that arrived again after its change was applied: calls `decide` on the tip before the change, to compute the value
    /// of the change again, and moves nothing.
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
            base: None,
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
    /// does not move the ref. Returns the outcomes on which the result of the change depends: the outcome of each of its refs that this
    /// change or an earlier change of the batch moves.
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
}
