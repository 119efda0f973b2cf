//! Publishing what was pushed: several refs at once, each judged on what it is now.
//!
//! git has put the objects into the store by then, unflushed, and a `gc` may have deleted what they rest on: so all that a new tip
//! reaches is looked at again and flushed, under `lock`, before any ref moves.

use crate::config::PushLimits;
use crate::names::{ObjectId, RefName};
use crate::repo::error::{Error, Result, chain};
use crate::repo::parts::Parts;
use crate::repo::publish::write_txn::WriteTxn;
use crate::repo::push::incoming::Incoming;
use crate::repo::push::ref_updates::{Dropping, Judgement, RefUpdate, Refusal, Together};
use crate::repo::refs::lock::{OUTSIDE_MAX, RefLock};

impl WriteTxn<'_> {
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
        self.parts.packs.roll_up_when_due();
        Ok(judged)
    }

    fn update_refs_now(
        &mut self,
        updates: &[RefUpdate],
        dropping: Dropping,
        together: Together,
    ) -> Result<Judgement> {
        let parts = self.parts;
        // What may take long is done while others may still move refs.
        let adopted = self.adopt_pushed(updates)?;
        self.flush_before(updates)?;
        let _refs = parts.locks.refs()?;
        self.flush_before(updates)?;
        let incoming = Incoming::open(&parts.objects, None, PushLimits::default())?;
        let mut judged = parts.refs.judge_updates(&incoming, updates, dropping)?;
        for (judged, adopted) in judged.iter_mut().zip(adopted) {
            // That somebody else moved it tells more than that something is gone since.
            *judged = judged.clone().and(adopted);
        }
        if together == Together::All && judged.iter().any(Result::is_err) {
            for judged in &mut judged {
                *judged = judged.clone().and(Err(Refusal::Other));
            }
        }
        let moves = Moves {
            parts,
            incoming,
            updates,
        };
        match together {
            Together::Each => moves.each(&mut judged),
            Together::All => moves.all(&judged)?,
        }
        Ok(judged)
    }

    /// Makes what the updates lead to durable, with all that it reaches, of which nothing may be missing.
    fn adopt_pushed(&mut self, updates: &[RefUpdate]) -> Result<Judgement> {
        let incoming = Incoming::open(&self.parts.objects, None, PushLimits::default())?;
        let (mut adopted, mut commits) = (Judgement::new(), Vec::new());
        for update in updates {
            let commit = update.new.map(|new| self.adopt_tags(&incoming, new));
            adopted.push(match commit {
                None => Ok(()),
                Some(Ok(Some(commit))) => {
                    commits.push((adopted.len(), commit));
                    Ok(())
                }
                Some(Ok(None)) => Err(Refusal::NoCommit),
                Some(Err(error)) => Err(collected(error)?),
            });
        }
        // All at once, as their histories have much in common; by themselves only to tell whose is not whole.
        let all = commits.iter().map(|(_, commit)| *commit);
        if let Err(error) = self.adopt_history(all) {
            collected(error)?;
            for (at, commit) in commits {
                if let Err(error) = self.adopt_history([commit]) {
                    adopted[at] = Err(collected(error)?);
                }
            }
        }
        self.sync()?;
        Ok(adopted)
    }

    /// The commit that an object leads to, and the tags on the way there made durable; `None` if it leads to none.
    fn adopt_tags(&mut self, incoming: &Incoming, id: ObjectId) -> Result<Option<gix::ObjectId>> {
        let Some((commit, tags)) = incoming.tags(id)? else {
            return Ok(None);
        };
        for tag in tags {
            if !self.adopt(tag)? {
                let id = tag.to_string();
                return Err(Error::Missing { id });
            }
        }
        Ok(Some(commit))
    }

    /// Makes durable what answers about the refs rest on.
    fn flush_before(&mut self, updates: &[RefUpdate]) -> Result<()> {
        updates.iter().try_for_each(|update| match &update.name {
            RefName::Branch(branch) => self.durable_tip(branch).map(drop),
            RefName::Tag(_) => self.parts.refs.sync_ref(&update.name.to_string()),
        })
    }
}

/// What is told of something that is not there any more; any other error stays one.
fn collected(error: Error) -> Result<Refusal> {
    match error.is_missing_object() {
        true => Ok(Refusal::Collected),
        false => Err(error),
    }
}

/// Updates that were judged, to be made under `refs.lock`.
struct Moves<'m> {
    parts: &'m Parts,
    incoming: Incoming,
    updates: &'m [RefUpdate],
}

impl<'m> Moves<'m> {
    /// Those that are not refused and change something, deletions first: they make room for others.
    fn order(&self, judged: &Judgement) -> Vec<usize> {
        let moves = |at: &usize| {
            let update = &self.updates[*at];
            judged[*at].is_ok() && update.old != update.new
        };
        let mut order: Vec<usize> = (0..self.updates.len()).filter(moves).collect();
        order.sort_by_key(|at| self.updates[*at].new.is_some());
        order
    }

    /// Makes each by itself; one that fails is refused.
    fn each(&self, judged: &mut Judgement) {
        for at in self.order(judged) {
            let update = &self.updates[at];
            let moved = self.hold(update).and_then(|held| self.swap(update, held));
            judged[at] = moved.map_err(|error| match error {
                Error::Moved(_) => Refusal::Stale,
                error => Refusal::Failed(chain(&error)),
            });
        }
    }

    /// Makes all or, as far as that is in our power, none. What can fail because of others is done for all before any is moved: nobody sees
    /// one come and go. A crash in between leaves some of them made, and nobody was told then.
    fn all(&self, judged: &Judgement) -> Result<()> {
        let order = self.order(judged);
        let updates: Vec<&RefUpdate> = order.iter().map(|at| &self.updates[*at]).collect();
        let deleted = updates.iter().filter(|update| update.new.is_none());
        let deleted: Vec<&RefName> = deleted.map(|update| &update.name).collect();
        let mut held = Vec::new();
        for update in &updates {
            // There is no place for its lock file yet.
            let waits = deleted.iter().any(|name| name.conflicts_with(&update.name));
            held.push(if waits {
                None
            } else {
                Some(self.hold(update)?)
            });
        }
        let mut done = Vec::new();
        for (update, held) in updates.into_iter().zip(held) {
            let held = held.map_or_else(|| self.hold(update), Ok);
            if let Err(error) = held.and_then(|held| self.swap(update, held)) {
                self.take_back(done);
                return Err(error);
            }
            done.push(update);
        }
        Ok(())
    }

    fn hold(&self, update: &RefUpdate) -> Result<RefLock> {
        let new = update.new.map(|id| self.incoming.id(id)).transpose()?;
        self.parts.refs.lock(&update.name, new, OUTSIDE_MAX)
    }

    fn swap(&self, update: &RefUpdate, held: RefLock) -> Result<()> {
        let id = |id: Option<ObjectId>| id.map(|id| self.incoming.id(id)).transpose();
        let (old, new) = (id(update.old)?, id(update.new)?);
        self.parts.refs.swap_locked(held, &update.name, old, new)?;
        let to = new.map(tracing::field::display);
        tracing::info!(name = %update.name, to, "updated");
        Ok(())
    }

    /// Undoes updates of which a later one failed.
    fn take_back(&self, done: Vec<&RefUpdate>) {
        for update in done.into_iter().rev() {
            let back = RefUpdate {
                name: update.name.clone(),
                old: update.new,
                new: update.old,
            };
            if let Err(error) = self.hold(&back).and_then(|held| self.swap(&back, held)) {
                tracing::error!(name = %back.name, %error, "a half-done push cannot be taken back");
            }
        }
    }
}
