//! What a push asks of the refs, and whether that can be: judged by what they are at this moment, and by history.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use gix::refs::Target;

use crate::names::{ObjectId, RefName};
use crate::repo::error::Result;
use crate::repo::push::incoming::Incoming;
use crate::repo::refs::store::RefStore;

/// A ref that is to be moved, created (`old` is `None`) or deleted (`new` is).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefUpdate {
    /// Which.
    pub name: RefName,
    /// Where it was when the update was made.
    pub old: Option<ObjectId>,
    /// Where it is to be.
    pub new: Option<ObjectId>,
}

/// Whether updates may drop history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dropping {
    /// A branch only grows, and a tag stays.
    #[default]
    Refused,
    /// Whatever is there may be moved and deleted, but for the default branch.
    Allowed,
}

/// Whether all updates are made or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Together {
    /// Each by itself.
    Each,
    /// If one is refused, so are the others.
    All,
}

/// Why a ref is not updated. The text is for the person who pushed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Somebody else moved it.
    #[error("it was moved by somebody else meanwhile: run `git pull --rebase`, and push again")]
    Stale,
    /// A branch's tip is not on the first-parent line of what it is to be.
    #[error(
        "its tip is not on the first-parent line of what was pushed, so that history would be dropped or reordered: run \
         `git pull --rebase`, and push again; else a key that may DELETE is needed"
    )]
    NotAhead,
    /// A tag is to be moved.
    #[error("it exists, and moving it needs a key that may DELETE")]
    TagExists,
    /// It is to be deleted.
    #[error("deleting it needs a key that may DELETE")]
    Kept,
    /// The default branch is to be deleted.
    #[error("it is the default branch, which cannot be deleted")]
    DefaultBranch,
    /// What is to be deleted is not there.
    #[error("it does not exist")]
    Unknown,
    /// Its name is a directory of another's, or the other way round.
    #[error("it cannot exist together with {0}")]
    Clash(RefName),
    /// What it is to be is no commit, and for a tag leads to none.
    #[error("it has to name a commit")]
    NoCommit,
    /// It is a symbolic ref.
    #[error("it is a symbolic ref, which is not moved by a push")]
    Symbolic,
    /// It is named twice.
    #[error("it is updated twice")]
    Twice,
    /// Objects that the push left out, as they were there, were collected.
    #[error("what it rests on was collected meanwhile: push again")]
    Collected,
    /// It could not be made.
    #[error("{0}")]
    Failed(String),
    /// Another ref of an all-or-nothing push was refused.
    #[error("another ref was refused, and all or none were to be updated")]
    Other,
}

/// What becomes of each update, in their order.
pub(crate) type Judgement = Vec<Result<(), Refusal>>;

impl RefStore {
    /// Says which updates would be refused now, by what the refs are and by the history of what they are to be.
    ///
    /// # Errors
    /// An object or a ref cannot be read.
    pub fn judge_updates(
        &self,
        incoming: &Incoming,
        updates: &[RefUpdate],
        dropping: Dropping,
    ) -> Result<Judgement> {
        let refs = self.all_refs("refs/")?.into_iter();
        let refs: BTreeMap<String, Target> = refs
            .map(|(name, target)| (name.to_string(), target))
            .collect();
        // What HEAD names, and, if that is a symbolic ref, what it leads to.
        let default = [self.default_branch(), self.resolve_branch(None)];
        let default = default.into_iter().flatten().map(RefName::from);
        let judge = Judge {
            incoming,
            default: default.collect(),
            dropping,
        };
        let (mut judged, mut met) = (Judgement::new(), HashSet::new());
        for update in updates {
            let there = refs.get(&update.name.to_string());
            judged.push(match met.insert(&update.name) {
                true => judge.judge(update, there)?,
                false => Err(Refusal::Twice),
            });
        }
        refuse_clashes(&refs, updates, &mut judged);
        Ok(judged)
    }
}

/// What one update is judged by.
struct Judge<'j> {
    incoming: &'j Incoming,
    default: Vec<RefName>,
    dropping: Dropping,
}

impl Judge<'_> {
    fn judge(&self, update: &RefUpdate, there: Option<&Target>) -> Result<Result<(), Refusal>> {
        let there = match there {
            Some(Target::Symbolic(_)) => return Ok(Err(Refusal::Symbolic)),
            Some(Target::Object(id)) => ObjectId::from_bytes(id.as_bytes()),
            None => None,
        };
        let judged = match (there, update.new) {
            (None, None) => Ok(Err(Refusal::Unknown)),
            _ if there != update.old => Ok(Err(Refusal::Stale)),
            (Some(_), None) if self.default.contains(&update.name) => {
                Ok(Err(Refusal::DefaultBranch))
            }
            (Some(_), None) => Ok(self.drops(Refusal::Kept)),
            (old, Some(new)) => self.judge_new(&update.name, old, new),
        };
        match judged {
            Err(error) if error.is_missing_object() => Ok(Err(Refusal::Collected)),
            judged => judged,
        }
    }

    fn judge_new(
        &self,
        name: &RefName,
        old: Option<ObjectId>,
        new: ObjectId,
    ) -> Result<Result<(), Refusal>> {
        let is_branch = matches!(name, RefName::Branch(_));
        let names_commit = match is_branch {
            true => self.incoming.is_commit(new)?,
            false => self.incoming.peel(new)?.is_some(),
        };
        Ok(match old {
            _ if !names_commit => Err(Refusal::NoCommit),
            Some(old) if old == new => Ok(()),
            Some(_) if !is_branch => self.drops(Refusal::TagExists),
            // It is not looked for where it does not matter: a line may be long.
            Some(old) if self.dropping == Dropping::Refused => {
                let (old, new) = (self.incoming.id(old)?, self.incoming.id(new)?);
                let is_ahead = self.incoming.is_on_line(old, new)?;
                is_ahead.then_some(()).ok_or(Refusal::NotAhead)
            }
            _ => Ok(()),
        })
    }

    /// What drops something, and is refused otherwise.
    fn drops(&self, refusal: Refusal) -> Result<(), Refusal> {
        match self.dropping {
            Dropping::Allowed => Ok(()),
            Dropping::Refused => Err(refusal),
        }
    }
}

/// Refuses what cannot exist together with what will be there when the deletions are done.
fn refuse_clashes(refs: &BTreeMap<String, Target>, updates: &[RefUpdate], judged: &mut Judgement) {
    let mut there: BTreeSet<String> = refs.keys().cloned().collect();
    for (update, judged) in updates.iter().zip(&*judged) {
        if judged.is_ok() && update.new.is_none() {
            there.remove(&update.name.to_string());
        }
    }
    for (update, judged) in updates.iter().zip(judged) {
        if judged.is_err() || update.new.is_none() {
            continue;
        }
        let name = update.name.to_string();
        match clash(&there, &name) {
            Some(other) => *judged = Err(Refusal::Clash(other)),
            None => drop(there.insert(name)),
        }
    }
}

/// A name that is a directory of this one, or in whose folder it is.
fn clash(there: &BTreeSet<String>, name: &str) -> Option<RefName> {
    let mut folders = name.match_indices('/').map(|(end, _)| &name[..end]);
    let inside = format!("{name}/");
    let inside = there
        .range(inside.clone()..)
        .next()
        .filter(|other| other.starts_with(&inside));
    let folder = folders.find(|folder| there.contains(*folder));
    let other = inside.map(String::as_str).or(folder)?;
    RefName::parse(other).ok()
}
