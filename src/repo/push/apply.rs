//! Publishing a push: several refs at once, each validated against its current value.
//!
//! git has already moved the objects into the store, but may not have fsynced them, and a `gc` may have deleted objects to which the pushed
//! objects refer. So everything that a new tip reaches is looked up again and fsynced under `lock`, before any ref moves.

use crate::config::PushLimits;
use crate::names::{ObjectId, RefName};
use crate::repo::authority::RefUpdate;
use crate::repo::error::{Error, Result, chain};
use crate::repo::parts::Parts;
use crate::repo::publish::write_txn::WriteTxn;
use crate::repo::push::incoming::IncomingObjects;
use crate::repo::push::ref_updates::{Atomicity, DropPolicy, Refusal, UpdateResults};
use crate::repo::refs::lock::{OUTSIDE_MAX, RefLock};

impl WriteTxn<'_> {
    /// Applies the ref updates of a push, deletions first. An update whose result is `Ok` survives a power cut.
    ///
    /// # Errors
    /// The objects could not be made durable, or the refs cannot be read; `Busy`. `Unconfirmed` if some updates may have been made.
    pub fn update_refs(
        self,
        updates: &[RefUpdate],
        drop_policy: DropPolicy,
        atomicity: Atomicity,
    ) -> Result<UpdateResults> {
        self.update_refs_if(updates, (drop_policy, atomicity), || Ok(()))
    }

    /// Does the same as [`update_refs`](Self::update_refs), but calls `check` under `refs.lock` first. If `check` fails, no ref is updated.
    ///
    /// # Errors
    /// The errors of `update_refs`, and of `check`.
    pub(crate) fn update_refs_if(
        mut self,
        updates: &[RefUpdate],
        policies: (DropPolicy, Atomicity),
        check: impl FnOnce() -> Result<()>,
    ) -> Result<UpdateResults> {
        let results = self.validate_and_update(updates, policies, check)?;
        self.parts.roll_up_when_due();
        Ok(results)
    }

    fn validate_and_update(
        &mut self,
        updates: &[RefUpdate],
        (drop_policy, atomicity): (DropPolicy, Atomicity),
        check: impl FnOnce() -> Result<()>,
    ) -> Result<UpdateResults> {
        let parts = self.parts;
        // These slow steps run before `refs.lock` is taken, so that other writers can move refs in the meantime.
        let synced = self.sync_pushed_history(updates)?;
        self.sync_updated_refs(updates)?;
        let _refs = parts.locks.refs()?;
        check()?;
        parts.until_swapped(|| self.update_locked_refs(updates, drop_policy, atomicity, &synced))
    }

    /// Validates the updates against the current refs, and applies the valid ones. The caller holds `refs.lock`.
    fn update_locked_refs(
        &mut self,
        updates: &[RefUpdate],
        drop_policy: DropPolicy,
        atomicity: Atomicity,
        synced: &UpdateResults,
    ) -> Result<UpdateResults> {
        let parts = self.parts;
        // Refs may have moved before `refs.lock` was taken.
        self.sync_updated_refs(updates)?;
        let again;
        let synced = if self.is_shared() {
            // A gc of another machine may have removed objects from the shared state since they were looked up.
            self.forget_unnamed();
            again = self.sync_pushed_history(updates)?;
            &again
        } else {
            synced
        };
        let incoming = IncomingObjects::open(&parts.objects, None, PushLimits::default())?;
        let mut results = parts
            .refs
            .validate_updates(&incoming, updates, drop_policy)?;
        for (result, synced) in results.iter_mut().zip(synced) {
            // A refusal because of the ref's value is more helpful than one because of a missing object, so it takes precedence.
            *result = result.clone().and(synced.clone());
        }
        if atomicity == Atomicity::AllOrNothing && results.iter().any(Result::is_err) {
            for result in &mut results {
                *result = result.clone().and(Err(Refusal::OtherRefused));
            }
        }
        let moves = RefMoves {
            parts,
            incoming,
            updates,
        };
        if self.is_shared() {
            let order = moves.order(&results);
            if let Some(first) = order.first() {
                let name = updates[*first].name.clone();
                let updates = order.iter().map(|index| updates[*index].clone()).collect();
                self.swap_refs(updates, None, name)?;
            }
            return Ok(results);
        }
        match atomicity {
            Atomicity::PerRef => moves.make_each(&mut results),
            Atomicity::AllOrNothing => moves.make_all(&results)?,
        }
        Ok(results)
    }

    /// Makes the objects to which the updates move their refs durable, with everything that these objects reach. Refuses an update if one
    /// of the objects that its new value reaches is missing.
    fn sync_pushed_history(&mut self, updates: &[RefUpdate]) -> Result<UpdateResults> {
        let incoming = IncomingObjects::open(&self.parts.objects, None, PushLimits::default())?;
        let (mut synced, mut commits) = (UpdateResults::new(), Vec::new());
        for update in updates {
            let commit = update.new.map(|new| self.sync_pushed_tags(&incoming, new));
            synced.push(match commit {
                None => Ok(()),
                Some(Ok(Some(commit))) => {
                    commits.push((synced.len(), commit));
                    Ok(())
                }
                Some(Ok(None)) => Err(Refusal::NoCommit),
                Some(Err(error)) => Err(refusal_if_missing(error)?),
            });
        }
        // All histories are walked together because they have much in common. Only if an object is missing, each history is walked
        // separately, to find the updates that need that object.
        let all = commits.iter().map(|(_, commit)| *commit);
        if let Err(error) = self.sync_existing_history(all) {
            refusal_if_missing(error)?;
            for (index, commit) in commits {
                if let Err(error) = self.sync_existing_history([commit]) {
                    synced[index] = Err(refusal_if_missing(error)?);
                }
            }
        }
        self.sync()?;
        Ok(synced)
    }

    /// Makes durable the tags between `id` and the commit that it leads to. Returns that commit; `None` if it leads to another kind of
    /// object.
    fn sync_pushed_tags(
        &mut self,
        incoming: &IncomingObjects,
        id: ObjectId,
    ) -> Result<Option<gix::ObjectId>> {
        let Some((commit, tags)) = incoming.peel_tags(id)? else {
            return Ok(None);
        };
        for tag in tags {
            if !self.sync_existing_object(tag)? {
                let id = tag.to_string();
                return Err(Error::Missing { id });
            }
        }
        Ok(Some(commit))
    }

    /// Makes the current values of the refs durable, because a refusal, or the result that nothing changed, depends on them.
    fn sync_updated_refs(&mut self, updates: &[RefUpdate]) -> Result<()> {
        updates.iter().try_for_each(|update| match &update.name {
            RefName::Branch(_) | RefName::Oci => match self.durable_tip(&update.name) {
                // A broken ref needs no fsync, because its update is refused.
                Err(Error::BrokenRef(_) | Error::Missing { .. }) => Ok(()),
                synced => synced.map(drop),
            },
            RefName::Tag(_) => self.parts.refs.sync_ref(&update.name.to_string()),
        })
    }
}

/// Converts an error about a missing object to the refusal of a ref update. Returns any other error unchanged.
fn refusal_if_missing(error: Error) -> Result<Refusal> {
    if error.is_missing_object() {
        Ok(Refusal::Collected)
    } else {
        Err(error)
    }
}

/// Validated updates, which are made under `refs.lock`.
struct RefMoves<'m> {
    parts: &'m Parts,
    incoming: IncomingObjects,
    updates: &'m [RefUpdate],
}

impl<'m> RefMoves<'m> {
    /// Returns the indices of the updates that are not refused and change a value. Deletions come first: a ref `a` must be deleted before
    /// `a/b` can be created. Then comes the registry ref, because a new module is served with a wrong manifest until its manifest is
    /// recorded there.
    fn order(&self, results: &UpdateResults) -> Vec<usize> {
        let is_made = |index: &usize| {
            let update = &self.updates[*index];
            results[*index].is_ok() && update.old != update.new
        };
        let mut order: Vec<usize> = (0..self.updates.len()).filter(is_made).collect();
        order.sort_by_key(|index| {
            let update = &self.updates[*index];
            (update.new.is_some(), update.name != RefName::Oci)
        });
        order
    }

    /// Makes each ref update on its own, so that a failed one does not affect the others. Records a failed update as refused in `results`.
    fn make_each(&self, results: &mut UpdateResults) {
        for index in self.order(results) {
            let update = &self.updates[index];
            let moved = self.lock(update).and_then(|lock| self.swap(update, lock));
            results[index] = moved.map_err(|error| match error {
                Error::Moved(_) => Refusal::Stale,
                error => Refusal::Failed(chain(&error)),
            });
        }
    }

    /// Makes all updates; if one fails, reverts the earlier ones, as far as possible. The steps that can fail because of other processes
    /// are done for all refs before the first one moves, so that it is unlikely that a reader sees an update that is reverted afterwards.
    /// After a crash between two moves, some updates may have been made, but none was reported as made.
    fn make_all(&self, results: &UpdateResults) -> Result<()> {
        let order = self.order(results);
        let updates: Vec<&RefUpdate> = order.iter().map(|index| &self.updates[*index]).collect();
        let deletions = updates.iter().filter(|update| update.new.is_none());
        let deleted: Vec<&RefName> = deletions.map(|update| &update.name).collect();
        let mut locks = Vec::new();
        for update in &updates {
            // If this name and the name of a ref that the push deletes conflict, the lock file can only be created after the deletion,
            // because one name is a parent directory of the other.
            let waits = deleted.iter().any(|name| name.conflicts_with(&update.name));
            locks.push(if waits {
                None
            } else {
                Some(self.lock(update)?)
            });
        }
        let mut done = Vec::new();
        for (update, lock) in updates.into_iter().zip(locks) {
            let lock = lock.map_or_else(|| self.lock(update), Ok);
            if let Err(error) = lock.and_then(|lock| self.swap(update, lock)) {
                self.revert(done);
                return Err(error);
            }
            done.push(update);
        }
        Ok(())
    }

    /// Takes `<ref>.lock` with the new value.
    fn lock(&self, update: &RefUpdate) -> Result<RefLock> {
        let new = update.new.map(|id| self.incoming.id(id)).transpose()?;
        self.parts.refs.lock(&update.name, new, OUTSIDE_MAX)
    }

    fn swap(&self, update: &RefUpdate, lock: RefLock) -> Result<()> {
        let id = |id: Option<ObjectId>| id.map(|id| self.incoming.id(id)).transpose();
        let (old, new) = (id(update.old)?, id(update.new)?);
        self.parts.refs.swap_locked(lock, &update.name, old, new)?;
        let to = new.map(tracing::field::display);
        tracing::info!(name = %update.name, to, "updated a ref");
        Ok(())
    }

    /// Reverts the updates that were made before a later one failed.
    fn revert(&self, done: Vec<&RefUpdate>) {
        for update in done.into_iter().rev() {
            let back = RefUpdate {
                name: update.name.clone(),
                old: update.new,
                new: update.old,
            };
            if let Err(error) = self.lock(&back).and_then(|lock| self.swap(&back, lock)) {
                tracing::error!(name = %back.name, %error, "failed to revert a ref after a failed atomic push");
            }
        }
    }
}
