//! Writes the new form of each commit of a history from which versions of modules are dropped: see `retention.rs` for the rule.

use gix::bstr::ByteSlice;
use gix::odb::memory::Storage;

use crate::repo::error::{Error, Result};
use crate::repo::gc::dropped_versions::DroppedVersions;
use crate::repo::gc::rewritten_commit::{CommitRewrite, restored_id, rewrite};
use crate::repo::history::walk::CommitNode;
use crate::repo::ids::commit_id;
use crate::repo::objects::commit::read_linked;
use crate::repo::objects::raw_commit::RawCommit;
use crate::repo::parts::Parts;
use crate::repo::publish::write_txn::WriteTxn;
use crate::repo::tree::diff::{EntryChange, entry_changes};
use crate::repo::tree::edit::{EditedTree, edit};
use crate::repo::tree::entry::TreeEntry;
use crate::repo::tree::reader::TreeReader;

/// How many forks are followed to find out whether a commit is in the first-parent history of another.
const FORKS_MAX: usize = 1000;

/// The new forms of commits.
#[derive(Clone, Default)]
pub(crate) struct RewrittenHistory {
    commits: gix::hashtable::HashMap<gix::ObjectId, NewForm>,
    segments: Vec<Segment>,
    kept: usize,
}

/// The new form of a commit.
#[derive(Clone, Copy)]
struct NewForm {
    commit: HistoryCommit,
    old_tree: gix::ObjectId,
    tree: gix::ObjectId,
}

/// A commit of the new history.
#[derive(Clone, Copy)]
pub(super) struct HistoryCommit {
    id: gix::ObjectId,
    /// `None` if other refs reach the commit, so that it stays.
    position: Option<Position>,
}

/// A part of the history in which each commit is the first parent of the next one.
#[derive(Clone, Copy)]
struct Segment {
    /// The first parent of the first commit.
    base: Option<HistoryCommit>,
    commits: u32,
}

/// The position of a new commit: a segment, and the number of the commit in it.
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
    /// All of them, or the others have no effect without them. A merge needs no change.
    Everything,
}

/// The trees of a commit before and after.
struct TreePair {
    old: gix::ObjectId,
    new: gix::ObjectId,
}

/// The new tree of a commit.
struct NewTree {
    edited: EditedTree,
    /// Whether all changes of the commit are dropped. A merge needs no change.
    is_empty: bool,
    /// Whether a dropped change has moved into the commit.
    is_squashed: bool,
}

impl RewrittenHistory {
    /// Returns the new id of a commit; its own id if it was not rewritten.
    pub(crate) fn new_id(&self, old: gix::ObjectId) -> gix::ObjectId {
        self.new_commit(old).id
    }

    /// Returns the number of commits that the new history has of those that were added.
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

    /// Returns the position of the next commit after `parent`.
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

    /// Returns whether `ancestor` is known to be in the first-parent history of `tip`.
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

    /// Adds a commit without its trees, only to be counted. A commit that differs from the old one, or whose parents do, gets an id that is
    /// used for nothing else.
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
        self.commits.insert(id, form);
    }

    /// Returns the parent that takes the place of a commit without a change; `None` if the commit stays.
    fn replacement(
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

    /// Returns the new form of a commit, which has the id `id` unless a parent takes its place.
    fn place(
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

    /// Returns the new parents of a commit. If one has changed, leaves out those that became part of the first parent's history.
    fn new_parents(&self, old: &[gix::ObjectId]) -> Vec<gix::ObjectId> {
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

/// Returns the id with all bits inverted.
fn complement(id: gix::ObjectId) -> gix::ObjectId {
    let bytes: Vec<_> = id.as_bytes().iter().map(|byte| !byte).collect();
    gix::ObjectId::from_bytes_or_panic(&bytes)
}

/// Writes new forms of commits.
pub(crate) struct HistoryRewriter<'p> {
    dropped: &'p DroppedVersions,
    /// Reads the old trees.
    trees: TreeReader<'p>,
    history: RewrittenHistory,
}

impl<'p> HistoryRewriter<'p> {
    /// Begins to add commits to `history`.
    pub(crate) fn new(
        parts: &'p Parts,
        dropped: &'p DroppedVersions,
        history: RewrittenHistory,
    ) -> Self {
        let trees = TreeReader::cached(&parts.objects);
        Self {
            dropped,
            trees,
            history,
        }
    }

    pub(crate) fn finish(self) -> RewrittenHistory {
        self.history
    }

    /// Adds a commit whose parents were added before, unless other refs reach them. The tree of the tip stays.
    pub(crate) fn add(
        &mut self,
        txn: &mut WriteTxn<'_>,
        commit: &CommitNode,
        is_tip: bool,
    ) -> Result<()> {
        let id = txn.object_id(commit.id.into())?;
        let parents = commit.parents.iter();
        let old_parents = parents.map(|parent| txn.object_id((*parent).into()));
        let old_parents = old_parents.collect::<Result<Vec<_>>>()?;
        let parents = self.history.new_parents(&old_parents);
        let base = self.first_parent_trees(txn.repo(), old_parents.first())?;
        let tree = self.new_tree(txn.repo(), commit, &base, is_tip)?;
        let replacement = self
            .history
            .replacement(&old_parents, &parents, tree.is_empty);
        let new_id = match replacement {
            Some(_) => id,
            None => self.stage(txn, id, &parents, &tree)?,
        };
        let form = NewForm {
            commit: self.history.place(new_id, &old_parents, replacement),
            old_tree: commit.tree.0,
            tree: tree.edited.id,
        };
        self.history.commits.insert(id, form);
        flush(txn)
    }

    /// Returns the trees of the first parent before and after; the empty tree if there is no parent.
    fn first_parent_trees(
        &self,
        repo: &gix::Repository,
        parent: Option<&gix::ObjectId>,
    ) -> Result<TreePair> {
        let same = |tree| TreePair {
            old: tree,
            new: tree,
        };
        let Some(parent) = parent else {
            return Ok(same(gix::ObjectId::empty_tree(repo.object_hash())));
        };
        if let Some(form) = self.history.commits.get(parent) {
            let (old, new) = (form.old_tree, form.tree);
            return Ok(TreePair { old, new });
        }
        Ok(same(read_linked(repo, commit_id(parent))?.tree.0))
    }

    /// Makes the tree of a commit from the new tree of its first parent.
    fn new_tree(
        &self,
        repo: &gix::Repository,
        commit: &CommitNode,
        base: &TreePair,
        is_tip: bool,
    ) -> Result<NewTree> {
        let changes = entry_changes(&self.trees, base.old, commit.tree.0)?;
        let is_dropped = |change: &EntryChange, entry: &Option<TreeEntry>| {
            self.dropped.contains(change.path.as_bstr(), entry.as_ref())
        };
        let kept = changes
            .iter()
            .filter(|change| !is_dropped(change, &change.new));
        let kept: Vec<_> = kept.collect();
        let is_same = base.old == base.new && kept.len() == changes.len();
        let edited = if is_same || is_tip {
            let (id, written) = (commit.tree.0, Vec::new());
            EditedTree { id, written }
        } else {
            let edits = kept
                .iter()
                .map(|change| (change.path.as_bstr(), change.new));
            let edits: Vec<_> = edits.collect();
            edit(repo, &TreeReader::new(repo), base.new, &edits)?
        };
        Ok(NewTree {
            is_empty: edited.id == base.new && (!changes.is_empty() || commit.parents.len() > 1),
            is_squashed: kept.iter().any(|change| is_dropped(change, &change.old)),
            edited,
        })
    }

    /// Adds the new form of a commit to the objects of the next pack, and returns its id. A commit that does not change is not added.
    fn stage(
        &self,
        txn: &mut WriteTxn<'_>,
        id: gix::ObjectId,
        parents: &[gix::ObjectId],
        tree: &NewTree,
    ) -> Result<gix::ObjectId> {
        let object = txn.repo().find_object(id);
        let encoded = object
            .map_err(Error::database(format!("read commit {id}")))?
            .detach()
            .data;
        let old = RawCommit::parse(id, &encoded)?;
        let restored = restored_id(&encoded);
        let restores = restored.map(|old| self.history.new_id(old));
        let restores = restores.filter(|new| restored != Some(*new));
        let is_same = old.tree == tree.edited.id && old.parents == parents;
        if is_same && restores.is_none() && !tree.is_squashed {
            return Ok(id);
        }
        let change = CommitRewrite {
            tree: tree.edited.id,
            parents,
            restores,
            is_squashed: tree.is_squashed,
        };
        let encoded = rewrite(&encoded, &change);
        txn.stage_encoded_commit(&encoded, tree.edited.id, &tree.edited.written)
    }
}

/// Once objects were written because there were many, writes the rest too, and forgets those in memory.
fn flush(txn: &mut WriteTxn<'_>) -> Result<()> {
    if !txn.objects.durable.is_empty() {
        txn.sync()?;
        txn.objects.handles.take_memory();
        txn.objects.handles.set_memory(Storage::default());
        txn.objects.durable.clear();
    }
    Ok(())
}
