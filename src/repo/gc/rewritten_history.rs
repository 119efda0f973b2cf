//! A history from which versions of modules are dropped: the new form of each commit, and its position in the first-parent history.

/// The maximum number of forks at which the search for a first-parent ancestor continues.
const FORKS_MAX: usize = 1000;

/// A history that is being rewritten: the new forms of its commits, by the id of the old commit.
#[derive(Clone, Default)]
pub(crate) struct RewrittenHistory {
    commits: gix::hashtable::HashMap<gix::ObjectId, NewForm>,
    segments: Vec<Segment>,
    kept: usize,
}

/// The new form of a commit.
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
    /// The first parent of the first commit of the segment.
    base: Option<HistoryCommit>,
    commits: u32,
}

/// The position of a new commit: its segment, and its index there.
#[derive(Clone, Copy)]
struct Position {
    segment: u32,
    number: u32,
}

/// How many of the changes of a commit are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DropEffect {
    Nothing,
    Something,
    /// All changes are dropped, or the remaining ones have no effect without them. Also used for a merge that makes no changes.
    Everything,
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

    /// Returns the new form of a commit; `None` if the commit was not added.
    pub(super) fn form(&self, old: &gix::ObjectId) -> Option<&NewForm> {
        self.commits.get(old)
    }

    /// Adds the new form of a commit.
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

    /// Returns whether `ancestor` is in the first-parent history of `tip`. Returns false if the search takes too many steps.
    pub(super) fn is_first_parent_ancestor(
        &self,
        ancestor: HistoryCommit,
        mut tip: HistoryCommit,
    ) -> bool {
        for _ in 0..FORKS_MAX {
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
    ) {
        let parents = self.new_parents(old_parents);
        let replacement = self.replacement(old_parents, &parents, effect == DropEffect::Everything);
        let is_same = effect == DropEffect::Nothing && parents == old_parents;
        let new_id = if is_same { id } else { complement(id) };
        let tree = gix::ObjectId::null(id.kind());
        let form = NewForm {
            commit: self.place(new_id, old_parents, replacement),
            old_tree: tree,
            tree,
        };
        self.insert(id, form);
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

    /// Returns the new form of a commit: `replacement` if given, otherwise a commit with the id `id` at a new position.
    pub(super) fn place(
        &mut self,
        id: gix::ObjectId,
        old_parents: &[gix::ObjectId],
        replacement: Option<HistoryCommit>,
    ) -> HistoryCommit {
        replacement.unwrap_or_else(|| {
            self.kept += 1;
            let first = old_parents.first().map(|first| self.new_commit(*first));
            let position = Some(self.next_position(first));
            HistoryCommit { id, position }
        })
    }

    /// Returns the new parents of a commit. If any parent has changed, leaves out those that the first-parent history of the first one
    /// contains.
    pub(super) fn new_parents(&self, old: &[gix::ObjectId]) -> Vec<gix::ObjectId> {
        let new: Vec<_> = old.iter().map(|old| self.new_commit(*old)).collect();
        let is_same = new.iter().zip(old).all(|(new, old)| new.id == *old);
        let mut ids: Vec<gix::ObjectId> = Vec::with_capacity(new.len());
        for parent in &new {
            let is_in = ids.contains(&parent.id)
                || !ids.is_empty() && self.is_first_parent_ancestor(*parent, new[0]);
            if is_same || !is_in {
                ids.push(parent.id);
            }
        }
        ids
    }
}

/// Returns `id` with all bits inverted. No object has this id.
fn complement(id: gix::ObjectId) -> gix::ObjectId {
    let bytes: Vec<_> = id.as_bytes().iter().map(|byte| !byte).collect();
    gix::ObjectId::from_bytes_or_panic(&bytes)
}
