//! A position in a branch's history. Events are computed from the commits after it.

use std::collections::{BTreeMap, BTreeSet};

use super::event::{CursorPosition, Event};
use crate::names::{BranchName, CommitId, ModuleHash, ModulePath, TreePath};
use crate::repo::{self, FirstParentHistory, PathChange};
use crate::store::error::{Error, Result};
use crate::store::open::Store;

/// The maximum number of events that one poll returns.
const EVENTS_MAX: usize = 256;
/// The total size of the events of one poll, in bytes, at which the poll stops.
const EVENTS_BYTES_MAX: usize = 256 << 10;

/// The result of polling a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PollResult {
    /// The events since the last poll, oldest first. The next poll returns further events, if there are more. An empty list means that the
    /// cursor is at the tip.
    Events(Vec<Event>),
    /// The branch was deleted.
    BranchDeleted,
    /// The first-parent history of the tip does not contain the cursor's commit, and a `gc` removed the tree of that commit, so no
    /// difference can be computed.
    CommitDropped,
}

/// A position in a branch's history, up to which polls have returned all events. Events are computed when they are polled, and not queued,
/// so a slow watcher loses no events, and no memory is needed for events that it has not received.
#[derive(Clone, Debug)]
pub struct BranchCursor {
    branch: BranchName,
    /// The position; `None` before the branch's first commit.
    position: Option<CursorPosition>,
    /// A copy of the list of all modules at `position`, if the cursor has one. With the copy, the cursor can compute the difference to an
    /// unrelated tip even after a `gc` dropped the commit.
    content: Option<BTreeMap<ModulePath, ModuleHash>>,
    /// Whether the copied list `content` is dropped after the next event.
    discards_content: bool,
    /// The commits between `position` and the tip, in first-parent history, at the time when the cursor last read the tip. After the last
    /// of these commits, the cursor reads the tip again. `None` if the cursor reads the tip next.
    history: Option<FirstParentHistory>,
}

impl BranchCursor {
    /// Creates a cursor at the position of an earlier cursor. `None` is the position before the branch's first commit.
    pub fn new(branch: BranchName, position: Option<CursorPosition>) -> Self {
        Self {
            branch,
            position,
            content: None,
            discards_content: false,
            history: None,
        }
    }

    /// Adds the list of the modules at the cursor's position, with which the cursor survives a `gc`. With `for_next_event_only`, the list
    /// is discarded after one event.
    pub(super) fn with_content(
        self,
        content: Vec<(ModulePath, ModuleHash)>,
        for_next_event_only: bool,
    ) -> Self {
        Self {
            content: Some(content.into_iter().collect()),
            discards_content: for_next_event_only,
            ..self
        }
    }

    /// Makes the cursor keep its list of modules after the next event. Returns whether the cursor has a list.
    pub(super) fn keep_content(&mut self) -> bool {
        self.discards_content = false;
        self.content.is_some()
    }

    /// Returns the branch that the cursor follows.
    pub fn branch(&self) -> &BranchName {
        &self.branch
    }

    /// Returns the current position; `None` before the branch's first commit.
    pub fn position(&self) -> Option<CursorPosition> {
        self.position
    }

    /// Returns the events since the last poll, without waiting.
    ///
    /// # Errors
    /// The store cannot be read. The cursor then remains after the last event that was returned.
    pub fn poll(&mut self, store: &Store) -> Result<PollResult> {
        match self.poll_once(store) {
            Err(error) => {
                // A `gc` may have squashed the history. The second attempt starts from the new tip.
                tracing::debug!(%error, branch = %self.branch, "polling the branch again");
                match self.poll_once(store) {
                    Err(_) if self.has_lost_content(store) => Ok(PollResult::CommitDropped),
                    result => result,
                }
            }
            result => result,
        }
    }

    fn poll_once(&mut self, store: &Store) -> Result<PollResult> {
        let (mut events, mut bytes) = (Vec::new(), 0);
        while events.len() < EVENTS_MAX && bytes < EVENTS_BYTES_MAX {
            let event = match self.next_event(store) {
                Ok(Some(event)) => event,
                Err(Error::Repo(repo::Error::UnknownBranch(_))) if events.is_empty() => {
                    return Ok(PollResult::BranchDeleted);
                }
                Err(error) => {
                    // Drops the iterator, because it has passed the commit that failed. The next poll starts a new one.
                    self.history = None;
                    if events.is_empty() {
                        return Err(error);
                    }
                    break;
                }
                Ok(None) => break,
            };
            bytes += event.bytes();
            self.advance(&event);
            events.push(event);
        }
        Ok(PollResult::Events(events))
    }

    fn next_event(&mut self, store: &Store) -> Result<Option<Event>> {
        if let Some(history) = &mut self.history {
            match history.next(store.repo.objects())? {
                Some(id) => return self.step(store, id).map(Some),
                None => self.history = None,
            }
        }
        let commit = self.position.map(|position| position.commit);
        let Some(tip) = store
            .tip(Some(&self.branch))?
            .filter(|tip| commit != Some(*tip))
        else {
            return Ok(None);
        };
        let Some(mut history) = store.repo.objects().first_parent_history(commit, tip)? else {
            return self.jump(store, tip).map(Some);
        };
        let first = history
            .next(store.repo.objects())?
            .expect("BUG: the history contains at least the tip");
        self.history = Some(history);
        self.step(store, first).map(Some)
    }

    /// Returns the event for `id`, the next commit of the first-parent history.
    fn step(&self, store: &Store, id: CommitId) -> Result<Event> {
        let commit = store.repo.objects().linked_commit(id)?;
        let before = self.position.map(|position| position.tree);
        Ok(Event {
            changes: store.repo.objects().diff(before, Some(commit.tree))?,
            commit,
            reset: false,
        })
    }

    /// Returns the event for a tip whose first-parent history does not contain the commit at the cursor's position, for example after a
    /// force-push.
    fn jump(&self, store: &Store, tip: CommitId) -> Result<Event> {
        let tip = store.repo.objects().linked_commit(tip)?;
        let before = self.position.map(|position| position.tree);
        let changes = match &self.content {
            _ if before == Some(tip.tree) => Vec::new(),
            None => store.repo.objects().diff(before, Some(tip.tree))?,
            Some(content) => {
                let modules = store.modules_in(tip.tree, &TreePath::root())?;
                differences(content, &modules.into_iter().collect())
            }
        };
        Ok(Event {
            changes,
            commit: tip,
            reset: true,
        })
    }

    fn advance(&mut self, event: &Event) {
        self.position = Some(event.position());
        if self.discards_content {
            self.content = None;
        }
        let Some(content) = &mut self.content else {
            return;
        };
        for change in &event.changes {
            match change.new {
                Some(hash) => drop(content.insert(change.path.clone(), hash)),
                None => drop(content.remove(&change.path)),
            }
        }
    }

    /// Returns whether a `gc` removed the tree at the position and the cursor has no list of its modules.
    fn has_lost_content(&self, store: &Store) -> bool {
        self.content.is_none()
            && self.position.is_some_and(|position| {
                let modules = store.modules_in(position.tree, &TreePath::root());
                modules.is_err_and(|error| error.is_missing_object())
            })
    }
}

fn differences(
    old: &BTreeMap<ModulePath, ModuleHash>,
    new: &BTreeMap<ModulePath, ModuleHash>,
) -> Vec<PathChange> {
    let paths: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let changes = paths.into_iter().map(|path| PathChange {
        path: path.clone(),
        old: old.get(path).copied(),
        new: new.get(path).copied(),
    });
    changes.filter(|change| change.old != change.new).collect()
}
