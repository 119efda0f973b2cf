//! A place in a branch's history, and what came after it.

use std::collections::{BTreeMap, BTreeSet};

use crate::names::{BranchName, CommitId, ModuleHash, ModulePath, TreePath};
use crate::repo::{self, Commit, Line, PathChange, TreeId};
use crate::store::error::{Error, Result};
use crate::store::open::Store;
use crate::store::revision::Revision;

/// How many events one look returns at most.
const EVENTS_MAX: usize = 256;
/// How many bytes the events of one look may take before it stops; the last one may be larger.
const EVENTS_BYTES_MAX: usize = 256 << 10;
/// About what a change takes beside its path.
const CHANGE_BYTES: usize = 200;

/// What happened to a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The commit that the branch is at after it.
    pub commit: Commit,
    /// Whether the branch did not simply go on from the cursor: a reset, squash or foreign merge. `changes` then is the whole
    /// difference.
    pub reset: bool,
    /// Every path that changed, sorted.
    pub changes: Vec<PathChange>,
}

impl Event {
    /// Where a cursor is that was told this.
    pub fn position(&self) -> CursorPosition {
        CursorPosition {
            commit: self.commit.id,
            tree: self.commit.tree,
        }
    }

    /// About how many bytes it takes.
    pub fn bytes(&self) -> usize {
        let paths = self.changes.iter().map(|change| change.path.as_str().len());
        paths.map(|path| path + CHANGE_BYTES).sum::<usize>()
            + self.commit.message.len()
            + CHANGE_BYTES
    }
}

/// A commit, and what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorPosition {
    commit: CommitId,
    tree: TreeId,
}

impl CursorPosition {
    /// The commit.
    pub fn commit(&self) -> CommitId {
        self.commit
    }
}

/// What a cursor finds when it looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PollResult {
    /// What happened since the last look, oldest first. There may be more; if it is empty, the cursor is at the tip.
    Events(Vec<Event>),
    /// The branch was deleted.
    BranchDeleted,
    /// The branch did not go on from the cursor's commit, and what was in that is gone.
    CommitDropped,
}

/// The place up to which everything was told. It costs no more than what it remembers: nothing is queued, so a slow one loses
/// nothing.
#[derive(Clone, Debug)]
pub struct Cursor {
    branch: BranchName,
    /// `None` before a branch's first commit.
    place: Option<CursorPosition>,
    /// Every module at `place`, if it is remembered: a `gc` may drop the commit before it is compared with a tip that does not
    /// come after it.
    content: Option<BTreeMap<ModulePath, ModuleHash>>,
    /// Whether that is remembered for the next event only.
    forgets: bool,
    /// The commits that come next; a tip that moved on meanwhile is seen at its end.
    line: Option<Line>,
}

impl Store {
    /// A cursor on a branch, or the default one, at the commit `since`, or at its tip. It remembers nothing of what is there.
    ///
    /// # Errors
    /// Unknown branch or commit; the store does not exist.
    pub fn cursor(&self, branch: Option<&BranchName>, since: Option<CommitId>) -> Result<Cursor> {
        let branch = branch.map_or_else(|| self.default_branch(), |branch| Ok(branch.clone()))?;
        if self.repo.is_absent() {
            return Err(Error::NoCommit(branch.to_string()));
        }
        self.tip(Some(&branch))?;
        let at = since.map_or_else(|| Revision::Branch(Some(branch.clone())), Revision::Commit);
        let place = self.read(&at, |view| {
            let place = view.commit.zip(view.tree);
            Ok(place.map(|(commit, tree)| CursorPosition { commit, tree }))
        });
        match (place, since) {
            (Err(Error::Repo(repo::Error::UnknownCommit(_))), Some(since)) => {
                self.cursor_at_dropped(branch, since)
            }
            (place, _) => Ok(Cursor::new(branch, place?)),
        }
    }

    /// A cursor at a commit that a `gc` dropped, if the index remembers what was in it.
    fn cursor_at_dropped(&self, branch: BranchName, commit: CommitId) -> Result<Cursor> {
        let index = self.index.reader()?;
        let known = index.commit(commit)?;
        let tree = known.and_then(|known| TreeId::from_bytes(&known.tree));
        let tree = tree.ok_or(repo::Error::UnknownCommit(commit))?;
        Ok(Cursor {
            content: Some(index.content(commit)?.into_iter().collect()),
            forgets: true,
            ..Cursor::new(branch, Some(CursorPosition { commit, tree }))
        })
    }

    /// A cursor that remembers every module where it is, so that no `gc` can cost it anything.
    ///
    /// # Errors
    /// As for `cursor`.
    pub fn gc_safe_cursor(
        &self,
        branch: Option<&BranchName>,
        since: Option<CommitId>,
    ) -> Result<Cursor> {
        let attempt = || {
            let cursor = self.cursor(branch, since)?;
            if cursor.content.is_some() {
                return Ok(Cursor {
                    forgets: false,
                    ..cursor
                });
            }
            let tree = cursor.place.map(|place| place.tree);
            let modules = tree.map(|tree| self.modules_in(tree, &TreePath::root()));
            let content = modules.transpose()?.unwrap_or_default();
            Ok(Cursor {
                content: Some(content.into_iter().collect()),
                ..cursor
            })
        };
        match attempt() {
            Err(error) if Error::is_missing_object(&error) && since.is_none() => attempt(),
            other => other,
        }
    }
}

impl Cursor {
    /// A cursor at a place that was told before; `None` is before a branch's first commit.
    pub fn new(branch: BranchName, place: Option<CursorPosition>) -> Self {
        Self {
            branch,
            place,
            content: None,
            forgets: false,
            line: None,
        }
    }

    /// The branch that is followed.
    pub fn branch(&self) -> &BranchName {
        &self.branch
    }

    /// Where it is.
    pub fn position(&self) -> Option<CursorPosition> {
        self.place
    }

    /// Looks what happened since the last look, without waiting.
    ///
    /// # Errors
    /// The store cannot be read. The cursor then stays behind what was told last.
    pub fn poll(&mut self, store: &Store) -> Result<PollResult> {
        match self.look(store) {
            Err(error) => {
                // A `gc` may have replaced the history meanwhile: the way is sought anew, once.
                tracing::debug!(%error, branch = %self.branch, "looking again");
                match self.look(store) {
                    Err(_) if self.lost_its_content(store) => Ok(PollResult::CommitDropped),
                    other => other,
                }
            }
            news => news,
        }
    }

    fn look(&mut self, store: &Store) -> Result<PollResult> {
        let (mut events, mut bytes) = (Vec::new(), 0);
        while events.len() < EVENTS_MAX && bytes < EVENTS_BYTES_MAX {
            let event = match self.next_event(store) {
                Ok(Some(event)) => event,
                Err(Error::Repo(repo::Error::UnknownBranch(_))) if events.is_empty() => {
                    return Ok(PollResult::BranchDeleted);
                }
                Err(error) => {
                    // The line has moved past the commit that failed.
                    self.line = None;
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
        if let Some(line) = &mut self.line {
            match line.next(store.repo.objects())? {
                Some(id) => return self.step(store, id).map(Some),
                None => self.line = None,
            }
        }
        let at = self.place.map(|place| place.commit);
        let Some(tip) = store
            .tip(Some(&self.branch))?
            .filter(|tip| at != Some(*tip))
        else {
            return Ok(None);
        };
        let Some(mut line) = store.repo.objects().line(at, tip)? else {
            return self.jump(store, tip).map(Some);
        };
        let first = line
            .next(store.repo.objects())?
            .expect("BUG: the tip is on it");
        self.line = Some(line);
        self.step(store, first).map(Some)
    }

    /// One commit on, on the tip's line.
    fn step(&self, store: &Store, id: CommitId) -> Result<Event> {
        let commit = store.repo.objects().linked_commit(id)?;
        let before = self.place.map(|place| place.tree);
        Ok(Event {
            changes: store.repo.objects().diff(before, Some(commit.tree))?,
            commit,
            reset: false,
        })
    }

    /// To a tip that does not come after this commit.
    fn jump(&self, store: &Store, tip: CommitId) -> Result<Event> {
        let tip = store.repo.objects().linked_commit(tip)?;
        let before = self.place.map(|place| place.tree);
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
        self.place = Some(event.position());
        if self.forgets {
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

    /// Whether the tree at this place is not whole any more, and was not remembered.
    fn lost_its_content(&self, store: &Store) -> bool {
        self.content.is_none()
            && self.place.is_some_and(|place| {
                let modules = store.modules_in(place.tree, &TreePath::root());
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
