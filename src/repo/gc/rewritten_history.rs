//! A history from which versions of modules are dropped: the new form of each commit, and its position in the first-parent history.

use std::collections::{HashSet, VecDeque};

use crate::repo::error::Result;
use crate::repo::gc::kept_parents::KeptParents;

/// The maximum number of segments (runs of commits along first parents) in which the search for a first-parent ancestor looks.
const SEGMENTS_MAX: usize = 1000;

/// The maximum number of commits that the search for an ancestor visits.
const VISITS_MAX: usize = 10_000;

/// A history that is being rewritten: the new forms of its commits, by the id of the old commit.
#[derive(Clone, Default)]
pub(crate) struct RewrittenHistory {
    commits: gix::hashtable::HashMap<gix::ObjectId, NewForm>,
    segments: Vec<Segment>,
    /// The commits of the new history, by their new ids.
    links: gix::hashtable::HashMap<gix::ObjectId, NewLinks>,
    kept: usize,
}

/// The parents of a commit of the new history.
#[derive(Clone)]
struct NewLinks {
    parents: Vec<gix::ObjectId>,
    /// The commit's topological level: larger than the level of each parent, so a commit is never an ancestor of one with a smaller level.
    level: u32,
}

/// The commit that takes the place of an old commit in the new history, and the trees of both.
#[derive(Clone, Copy)]
pub(super) struct NewForm {
    pub commit: HistoryCommit,
    pub old_tree: gix::ObjectId,
    pub tree: gix::ObjectId,
}

/// A commit of the new history, or a commit that other refs reach.
#[derive(Clone, Copy)]
pub(super) struct HistoryCommit {
    id: gix::ObjectId,
    /// The position in the new history; `None` if other refs reach the commit, so that it is not rewritten.
    position: Option<Position>,
}

/// A sequence of new commits in which each one is the first parent of the next one.
#[derive(Clone, Copy)]
struct Segment {
    /// The first parent of the segment's first commit; `None` if that commit has no parent.
    base: Option<HistoryCommit>,
    commits: u32,
}

/// The position of a new commit: its segment (a sequence of commits that are connected by first parents), and its index there.
#[derive(Clone, Copy)]
struct Position {
    segment: u32,
    number: u32,
}

/// How a commit changes when `gc` drops old versions of modules from the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DropEffect {
    /// Whether the rewritten commit equals the old one, except perhaps in its parents.
    pub is_same: bool,
    /// Whether the rewritten commit would change nothing, because every change of the old commit is dropped or has no effect without the
    /// dropped changes. Also true for a merge that makes no changes itself.
    pub is_empty: bool,
}

impl RewrittenHistory {
    /// Returns the new id of a commit. Returns its old id if the commit was not rewritten.
    pub(crate) fn new_id(&self, old: gix::ObjectId) -> gix::ObjectId {
        self.new_commit(old).id
    }

    /// Returns how many of the added commits the new history still has.
    pub(crate) fn kept(&self) -> usize {
        self.kept
    }

    pub(super) fn new_commit(&self, old: gix::ObjectId) -> HistoryCommit {
        let kept = HistoryCommit {
            id: old,
            position: None,
        };
        self.commits.get(&old).map_or(kept, |form| form.commit)
    }

    /// Returns the new form of the commit `old` of the old history; `None` if the commit was not added.
    pub(super) fn form(&self, old: &gix::ObjectId) -> Option<&NewForm> {
        self.commits.get(old)
    }

    /// Records which commit takes the place of the commit `old` in the new history.
    pub(super) fn insert(&mut self, old: gix::ObjectId, form: NewForm) {
        self.commits.insert(old, form);
    }

    /// Assigns a position to a commit whose first parent is `parent`: the next one of the parent's segment if it is free, otherwise the
    /// first one of a new segment.
    fn next_position(&mut self, parent: Option<HistoryCommit>) -> Position {
        if let Some(Position { segment, number }) = parent.and_then(|parent| parent.position) {
            let commits = &mut self.segments[segment as usize].commits;
            if *commits == number + 1 {
                *commits += 1;
                let number = number + 1;
                return Position { segment, number };
            }
        }
        let (base, commits) = (parent, 1);
        self.segments.push(Segment { base, commits });
        let segment = self.segments.len() as u32 - 1;
        Position { segment, number: 0 }
    }

    /// Returns whether `ancestor` is in the first-parent history of `tip`. Returns false if the search has looked in `SEGMENTS_MAX`
    /// segments (runs of commits along first parents) without a result.
    pub(super) fn is_first_parent_ancestor(
        &self,
        ancestor: HistoryCommit,
        mut tip: HistoryCommit,
    ) -> bool {
        for _ in 0..SEGMENTS_MAX {
            if tip.id == ancestor.id {
                return true;
            }
            let Some(at) = tip.position else {
                return false;
            };
            let position = ancestor.position;
            if let Some(position) = position.filter(|position| position.segment == at.segment) {
                return position.number <= at.number;
            }
            let Some(base) = self.segments[at.segment as usize].base else {
                return false;
            };
            tip = base;
        }
        false
    }

    /// Adds a commit without its trees, only to count it. If the commit or one of its parents changes, the new form gets a made-up id.
    pub(super) fn add_placeholder(
        &mut self,
        id: gix::ObjectId,
        old_parents: &[gix::ObjectId],
        effect: DropEffect,
        kept: &KeptParents,
    ) -> Result<()> {
        let parents = self.new_parents(old_parents, kept)?;
        let replacement = self.replacement(old_parents, &parents, effect.is_empty);
        let is_same = effect.is_same && parents == old_parents;
        let new_id = if is_same { id } else { complement(id) };
        let tree = gix::ObjectId::null(id.kind());
        let form = NewForm {
            commit: self.place(new_id, old_parents, parents, replacement),
            old_tree: tree,
            tree,
        };
        self.insert(id, form);
        Ok(())
    }

    /// Returns the commit that replaces a commit without changes: the new form of its first parent. Returns `None` if the commit stays.
    pub(super) fn replacement(
        &self,
        old_parents: &[gix::ObjectId],
        parents: &[gix::ObjectId],
        is_empty: bool,
    ) -> Option<HistoryCommit> {
        let first = old_parents
            .first()
            .filter(|_| is_empty && parents.len() == 1);
        first.map(|first| self.new_commit(*first))
    }

    /// Returns the new form of a commit with the parents `old_parents`: `replacement` if there is one. Otherwise adds the commit `id`,
    /// whose parents are `parents`, to the new history, and returns it with its position there.
    pub(super) fn place(
        &mut self,
        id: gix::ObjectId,
        old_parents: &[gix::ObjectId],
        parents: Vec<gix::ObjectId>,
        replacement: Option<HistoryCommit>,
    ) -> HistoryCommit {
        replacement.unwrap_or_else(|| {
            self.kept += 1;
            let parent_links = parents.iter().filter_map(|parent| self.links.get(parent));
            let highest = parent_links.map(|links| links.level).max();
            let level = highest.map_or(0, |highest| highest + 1);
            let links = NewLinks { parents, level };
            self.links.insert(id, links);
            let first = old_parents.first().map(|first| self.new_commit(*first));
            let position = Some(self.next_position(first));
            HistoryCommit { id, position }
        })
    }

    /// Returns the new parents of a commit. If any parent has changed, leaves out each parent that is now in the history of another parent,
    /// but never the first parent, so that the first-parent history stays the same.
    pub(super) fn new_parents(
        &self,
        old: &[gix::ObjectId],
        kept: &KeptParents,
    ) -> Result<Vec<gix::ObjectId>> {
        let new: Vec<_> = old.iter().map(|old| self.new_commit(*old)).collect();
        if new.iter().zip(old).all(|(new, old)| new.id == *old) {
            return Ok(old.to_owned());
        }
        let mut parents: Vec<HistoryCommit> = Vec::with_capacity(new.len());
        for parent in new {
            if !parents.iter().any(|other| other.id == parent.id) {
                parents.push(parent);
            }
        }
        let mut at = 1;
        while at < parents.len() {
            let parent = parents[at];
            let mut is_in = false;
            for other in parents.iter().filter(|other| other.id != parent.id) {
                is_in = is_in || self.is_ancestor(parent, *other, kept)?;
            }
            if is_in {
                parents.remove(at);
            } else {
                at += 1;
            }
        }
        Ok(parents.iter().map(|parent| parent.id).collect())
    }

    /// Returns whether `ancestor` is in the history of `tip`. Returns false if the search has visited `VISITS_MAX` commits without a
    /// result.
    fn is_ancestor(
        &self,
        ancestor: HistoryCommit,
        tip: HistoryCommit,
        kept: &KeptParents,
    ) -> Result<bool> {
        if self.is_first_parent_ancestor(ancestor, tip) {
            return Ok(true);
        }
        let level = self.links.get(&ancestor.id).map(|links| links.level);
        let mut seen = HashSet::from([tip.id]);
        let mut todo = VecDeque::from([tip.id]);
        while let Some(id) = todo.pop_front() {
            let parents = match (self.links.get(&id), level) {
                (Some(links), Some(level)) if links.level <= level => continue,
                (Some(links), _) => links.parents.clone(),
                // Commits that other refs reach have no rewritten ancestors.
                (None, Some(_)) => continue,
                (None, None) => kept.of(id)?,
            };
            for parent in parents {
                if parent == ancestor.id {
                    return Ok(true);
                }
                if seen.insert(parent) {
                    todo.push_back(parent);
                }
            }
            if seen.len() > VISITS_MAX {
                return Ok(false);
            }
        }
        Ok(false)
    }
}

/// Returns `id` with all bits inverted. No object has this id.
fn complement(id: gix::ObjectId) -> gix::ObjectId {
    let bytes: Vec<_> = id.as_bytes().iter().map(|byte| !byte).collect();
    gix::ObjectId::from_bytes_or_panic(&bytes)
}
