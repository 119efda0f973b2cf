//! Publishing what was pushed: several refs at once, each judged on what it is now.
//!
//! git has put the objects into the store by then, unflushed, and a `gc` may have deleted what they rest on: so all that a new tip
//! reaches is looked at again and flushed, under `lock`, before any ref moves.

use super::error::{Error, Result, chain};
use super::incoming::Incoming;
use super::open::Repository;
use super::ref_lock::OUTSIDE_MAX;
use super::updates::{Dropping, Judgement, RefUpdate, Refusal, Together};
use super::writing::Writing;
use crate::names::{ObjectId, RefName};

impl Writing<'_> {
    /// Makes the updates, deletions first, such that those that are told to be made survive a power cut.
    ///
    /// # Errors
    /// Nothing could be made durable, or the refs cannot be read; `Busy`. `Unconfirmed` if some of it may have happened.
    pub fn update_refs(
        mut self,
        updates: &[RefUpdate],
        dropping: Dropping,
        together: Together,
    ) -> Result<Judgement> {
        let judged = self.update_refs_now(updates, dropping, together)?;
        self.repository.roll_up_when_due();
        Ok(judged)
    }

    fn update_refs_now(
        &mut self,
        updates: &[RefUpdate],
        dropping: Dropping,
        together: Together,
    ) -> Result<Judgement> {
        let repository = self.repository;
        // What may take long is done while others may still move refs.
        let adopted = updates.iter().map(|update| self.adopt_pushed(update));
        let adopted = adopted.collect::<Result<Judgement>>()?;
        self.flush()?;
        let _refs = repository.locks.refs()?;
        for update in updates {
            self.flush_before(&update.name)?;
        }
        let incoming = repository.incoming(None)?;
        let mut judged = repository.judge_updates(&incoming, updates, dropping)?;
        for (judged, adopted) in judged.iter_mut().zip(adopted) {
            // That somebody else moved it tells more than that something is gone since.
            *judged = judged.clone().and(adopted);
        }
        if together == Together::All && judged.iter().any(Result::is_err) {
            for judged in &mut judged {
                *judged = judged.clone().and(Err(Refusal::Other));
            }
        }
        repository.update_judged(&incoming, updates, &mut judged, together)?;
        Ok(judged)
    }

    /// Makes what an update leads to durable, with all that it reaches, of which nothing may be missing.
    fn adopt_pushed(&mut self, update: &RefUpdate) -> Result<Result<(), Refusal>> {
        let Some(new) = update.new else {
            return Ok(Ok(()));
        };
        match self.adopt_object(new) {
            Err(error) if error.is_missing_object() => Ok(Err(Refusal::Collected)),
            Ok(true) => Ok(Ok(())),
            Ok(false) => Ok(Err(Refusal::NoCommit)),
            Err(error) => Err(error),
        }
    }

    /// The same for a commit, or a tag that leads to one; whether it is such.
    fn adopt_object(&mut self, id: ObjectId) -> Result<bool> {
        let Some((commit, tags)) = self.repository.incoming(None)?.tags(id)? else {
            return Ok(false);
        };
        for tag in tags {
            if !self.adopt(tag)? {
                let id = tag.to_string();
                return Err(Error::Missing { id });
            }
        }
        self.adopt_history(commit)?;
        self.objects.loose.flush()?;
        Ok(true)
    }

    /// Makes durable what an answer about a ref rests on.
    fn flush_before(&mut self, name: &RefName) -> Result<()> {
        match name {
            RefName::Branch(branch) => self.durable_tip(branch).map(drop),
            RefName::Tag(_) => self.repository.flush_ref(&name.to_string()),
        }
    }
}

impl Repository {
    /// Makes the updates that are not refused.
    fn update_judged(
        &self,
        incoming: &Incoming,
        updates: &[RefUpdate],
        judged: &mut Judgement,
        together: Together,
    ) -> Result<()> {
        let mut order: Vec<usize> = (0..updates.len()).collect();
        order.retain(|at| judged[*at].is_ok());
        order.sort_by_key(|at| updates[*at].new.is_some());
        let mut done = Vec::new();
        for at in order {
            match self.update_ref(incoming, &updates[at]) {
                Ok(()) => done.push(&updates[at]),
                Err(Error::Moved(_)) if together == Together::Each => {
                    judged[at] = Err(Refusal::Stale);
                }
                Err(error) if together == Together::Each => {
                    judged[at] = Err(Refusal::Failed(chain(&error)));
                }
                Err(error) => {
                    self.take_back(incoming, done);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn update_ref(&self, incoming: &Incoming, update: &RefUpdate) -> Result<()> {
        let id = |id: Option<ObjectId>| id.map(|id| incoming.id(id)).transpose();
        let (old, new) = (id(update.old)?, id(update.new)?);
        if old == new {
            return Ok(());
        }
        self.move_ref(&update.name, old, new, OUTSIDE_MAX)?;
        let to = new.map(tracing::field::display);
        tracing::info!(name = %update.name, to, "updated by a push");
        Ok(())
    }

    /// Undoes updates of which a later one failed.
    fn take_back(&self, incoming: &Incoming, done: Vec<&RefUpdate>) {
        for update in done.into_iter().rev() {
            let back = RefUpdate {
                name: update.name.clone(),
                old: update.new,
                new: update.old,
            };
            if let Err(error) = self.update_ref(incoming, &back) {
                tracing::error!(name = %back.name, %error, "a half-done push cannot be taken back");
            }
        }
    }
}
