//! The ref updates that a push requests, and their validation against the current refs and the history.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use gix::refs::Target;

use crate::names::{ObjectId, RefName};
use crate::repo::authority::RefUpdate;
use crate::repo::broken_ref::BrokenRef;
use crate::repo::error::Result;
use crate::repo::push::incoming::IncomingObjects;
use crate::repo::refs::store::RefStore;

/// Whether the updates of a push may remove commits from a branch, move tags, and delete refs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DropPolicy {
    /// A branch can only move to a commit that has the old tip in its first-parent history; a tag cannot be moved. Neither can be deleted.
    #[default]
    Refused,
    /// Every ref may be moved and deleted, except that the default branch cannot be deleted.
    Allowed,
}

/// Whether the updates of a push depend on each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Atomicity {
    /// Each update succeeds or fails on its own.
    PerRef,
    /// If one update is refused, all others are refused, too (`git push --atomic`).
    AllOrNothing,
}

/// The reason why a ref is not updated. The text is for the person who pushed; it is printed after the name of the ref.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another client moved the ref since this client read it.
    #[error("another client has moved it: run `git pull --rebase` and push again")]
    Stale,
    /// The branch's tip is not in the first-parent history of the new value.
    #[error(
        "its tip is not in the first-parent history of the pushed commit, so the push would drop or reorder history: run \
         `git pull --rebase` and push again, or push with a key that allows DELETE"
    )]
    NotAhead,
    /// The update moves an existing tag.
    #[error("the tag exists, and moving it needs a key that allows DELETE")]
    TagExists,
    /// The update deletes the ref, and the client may not drop history.
    #[error("deleting it needs a key that allows DELETE")]
    DeleteNotAllowed,
    /// The update deletes the default branch.
    #[error("it is the default branch, which cannot be deleted")]
    DefaultBranch,
    /// The update deletes a ref that does not exist.
    #[error("it does not exist")]
    Unknown,
    /// The ref's name is a parent directory of another ref's name, or the reverse.
    #[error("it cannot exist together with {0}: one name is a parent directory of the other")]
    Clash(RefName),
    /// The new value of a branch is not a commit, or the new value of a tag does not lead to a commit.
    #[error("the ref must point to a commit")]
    NoCommit,
    /// The ref is a symbolic ref.
    #[error("it is a symbolic ref, which a push cannot move")]
    Symbolic,
    /// The push has two updates of this ref.
    #[error("the push updates it twice")]
    DuplicateUpdate,
    /// A `gc` removed objects that the client did not send because the store had them.
    #[error("a concurrent gc removed objects that the push builds on: push again")]
    Collected,
    /// The new value, or an object that it reaches, exceeds a limit.
    #[error("{0}")]
    LimitExceeded(String),
    /// The update failed for another reason.
    #[error("{0}")]
    Failed(String),
    /// Another ref of an atomic push was refused.
    #[error("another ref of this atomic push was refused")]
    OtherRefused,
}

/// The result of each update of a push, in the order of the updates. The error is the reason why the update is not made.
pub(crate) type UpdateResults = Vec<Result<(), Refusal>>;

impl RefStore {
    /// Returns for each update whether it would be refused now, given the current refs and the history of the new values.
    ///
    /// # Errors
    /// An object or a ref cannot be read.
    pub fn validate_updates(
        &self,
        incoming: &IncomingObjects,
        updates: &[RefUpdate],
        drop_policy: DropPolicy,
    ) -> Result<UpdateResults> {
        let list = self.list("refs/")?;
        let refs = list.refs.into_iter();
        let refs: BTreeMap<String, Target> = refs
            .map(|(name, target)| (name.to_string(), target))
            .collect();
        let broken: BTreeMap<&str, &BrokenRef> = list
            .broken
            .iter()
            .map(|broken| (broken.name.as_str(), broken))
            .collect();
        // The branch that HEAD names and, if this branch is a symbolic ref, the branch to which it leads.
        let default_branches = [self.default_branch(), self.resolve_branch(None)]
            .into_iter()
            .flatten()
            .map(RefName::from);
        let validator = UpdateValidator {
            incoming,
            default_branches: default_branches.collect(),
            drop_policy,
        };
        let (mut results, mut seen) = (UpdateResults::new(), HashSet::new());
        for update in updates {
            let name = update.name.to_string();
            let refusal = if !seen.insert(&update.name) {
                Some(Refusal::DuplicateUpdate)
            } else if let Some(broken) = broken.get(name.as_str()) {
                Some(Refusal::Failed(format!("{broken}; {}", broken.remedy())))
            } else {
                validator.refusal(update, refs.get(&name))?
            };
            results.push(refusal.map_or(Ok(()), Err));
        }
        let existing = refs.keys().map(String::as_str).chain(broken.into_keys());
        refuse_clashes(existing.map(str::to_owned).collect(), updates, &mut results);
        Ok(results)
    }
}

/// Validates the updates of one push, one at a time.
struct UpdateValidator<'v> {
    incoming: &'v IncomingObjects,
    default_branches: Vec<RefName>,
    drop_policy: DropPolicy,
}

impl UpdateValidator<'_> {
    /// Returns why the update is refused; `None` if it is allowed. `current` is the ref's current value.
    fn refusal(&self, update: &RefUpdate, current: Option<&Target>) -> Result<Option<Refusal>> {
        let current = match current {
            Some(Target::Symbolic(_)) => return Ok(Some(Refusal::Symbolic)),
            Some(Target::Object(id)) => ObjectId::from_bytes(id.as_bytes()),
            None => None,
        };
        let refusal = match (current, update.new) {
            (None, None) => Ok(Some(Refusal::Unknown)),
            _ if current != update.old => Ok(Some(Refusal::Stale)),
            (Some(_), None) if self.default_branches.contains(&update.name) => {
                Ok(Some(Refusal::DefaultBranch))
            }
            (Some(_), None) => Ok(self.unless_dropping(Refusal::DeleteNotAllowed)),
            (old, Some(new)) => self.refusal_of_value(&update.name, old, new),
        };
        match refusal {
            Err(error) if error.is_missing_object() => Ok(Some(Refusal::Collected)),
            refusal => refusal,
        }
    }

    /// Returns why the ref cannot get the value `new`; `None` if it can.
    fn refusal_of_value(
        &self,
        name: &RefName,
        old: Option<ObjectId>,
        new: ObjectId,
    ) -> Result<Option<Refusal>> {
        let is_tag = matches!(name, RefName::Tag(_));
        let leads_to_commit = if !is_tag {
            self.incoming.is_commit(new)?
        } else {
            self.incoming.peel(new)?.is_some()
        };
        Ok(match old {
            _ if !leads_to_commit => Some(Refusal::NoCommit),
            Some(old) if old == new => None,
            Some(_) if is_tag => self.unless_dropping(Refusal::TagExists),
            // The search walks the whole first-parent history in the worst case, so it is skipped if its result does not matter.
            Some(old) if self.drop_policy == DropPolicy::Refused => {
                let (old, new) = (self.incoming.id(old)?, self.incoming.id(new)?);
                let is_ahead = self.incoming.is_in_first_parent_history(old, new)?;
                (!is_ahead).then_some(Refusal::NotAhead)
            }
            _ => None,
        })
    }

    /// Returns `refusal` unless the policy of this push allows dropping history.
    fn unless_dropping(&self, refusal: Refusal) -> Option<Refusal> {
        match self.drop_policy {
            DropPolicy::Allowed => None,
            DropPolicy::Refused => Some(refusal),
        }
    }
}

/// Refuses the updates whose names clash with a ref that exists after the deletions, or with an earlier update.
fn refuse_clashes(
    mut existing: BTreeSet<String>,
    updates: &[RefUpdate],
    results: &mut UpdateResults,
) {
    for (update, result) in updates.iter().zip(&*results) {
        if result.is_ok() && update.new.is_none() {
            existing.remove(&update.name.to_string());
        }
    }
    for (update, result) in updates.iter().zip(results) {
        if result.is_err() || update.new.is_none() {
            continue;
        }
        let name = update.name.to_string();
        match clashing_ref(&existing, &name) {
            Some(other) => *result = Err(Refusal::Clash(other)),
            None => drop(existing.insert(name)),
        }
    }
}

/// Returns an existing ref whose name is a parent directory of `name`, or the reverse; `None` if there is no such ref.
fn clashing_ref(existing: &BTreeSet<String>, name: &str) -> Option<RefName> {
    let prefix = format!("{name}/");
    let below = existing
        .range(prefix.clone()..)
        .next()
        .filter(|other| other.starts_with(&prefix));
    let mut parents = name.match_indices('/').map(|(end, _)| &name[..end]);
    let above = parents.find(|parent| existing.contains(*parent));
    let other = below.map(String::as_str).or(above)?;
    RefName::parse(other).ok()
}
