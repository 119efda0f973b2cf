//! Writes the new form of each commit when versions of modules are dropped from a history. `retention.rs` states the rule.

use gix::bstr::ByteSlice;
use gix::odb::memory::Storage;

use crate::repo::error::Result;
use crate::repo::gc::dropped_versions::DroppedVersions;
use crate::repo::gc::kept_parents::KeptParents;
use crate::repo::gc::rewritten_commit::{CommitRewrite, restored_id, rewrite};
use crate::repo::gc::rewritten_history::{NewForm, RewrittenHistory};
use crate::repo::history::walk::CommitNode;
use crate::repo::ids::commit_id;
use crate::repo::objects::commit::read_linked;
use crate::repo::objects::copies::read_object;
use crate::repo::objects::raw_commit::RawCommit;
use crate::repo::parts::Parts;
use crate::repo::publish::write_txn::WriteTxn;
use crate::repo::tree::diff::{EntryChange, entry_and_mode_changes};
use crate::repo::tree::edit::{EditedTree, edit};
use crate::repo::tree::entry::TreeEntry;
use crate::repo::tree::reader::TreeReader;

/// The tree of a commit in the old and in the new history.
struct TreePair {
    old: gix::ObjectId,
    new: gix::ObjectId,
}

/// The tree of a commit in the new history.
struct NewTree {
    edited: EditedTree,
    /// Whether all changes of the commit are dropped. Also true for a merge that makes no changes.
    is_empty: bool,
    /// Whether the commit now contains a dropped change of an earlier commit.
    is_squashed: bool,
}

/// Writes the new forms of commits, parents before children.
pub(crate) struct HistoryRewriter<'p> {
    dropped: &'p DroppedVersions,
    /// Reads trees of the old history.
    trees: TreeReader<'p>,
    kept: KeptParents,
    history: RewrittenHistory,
}

impl<'p> HistoryRewriter<'p> {
    /// Creates a rewriter that adds commits to `history`.
    pub(crate) fn new(
        parts: &'p Parts,
        dropped: &'p DroppedVersions,
        history: RewrittenHistory,
    ) -> Result<Self> {
        Ok(Self {
            dropped,
            trees: TreeReader::cached(&parts.objects),
            kept: KeptParents::new(&parts.objects)?,
            history,
        })
    }

    pub(crate) fn finish(self) -> RewrittenHistory {
        self.history
    }

    /// Writes the new form of `commit` and adds it to the history. The parents of the commit must have been added before, unless other refs
    /// reach them. The tree of the tip is not changed.
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
        let parents = self.history.new_parents(&old_parents, &self.kept)?;
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
            commit: self
                .history
                .place(new_id, &old_parents, parents, replacement),
            old_tree: commit.tree.0,
            tree: tree.edited.id,
        };
        self.history.insert(id, form);
        flush(txn)
    }

    /// Returns the trees that the first parent has in the old and in the new history. Returns the empty tree twice if there is no parent.
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
        if let Some(form) = self.history.form(parent) {
            let (old, new) = (form.old_tree, form.tree);
            return Ok(TreePair { old, new });
        }
        Ok(same(read_linked(repo, commit_id(parent))?.tree.0))
    }

    /// Builds the tree of a commit in the new history: applies the changes of the commit, except the dropped ones, to the new tree of its
    /// first parent.
    fn new_tree(
        &self,
        repo: &gix::Repository,
        commit: &CommitNode,
        base: &TreePair,
        is_tip: bool,
    ) -> Result<NewTree> {
        let changes = entry_and_mode_changes(&self.trees, base.old, commit.tree.0)?;
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

    /// Adds the new form of a commit to the objects of the next pack, and returns its id. If nothing about the commit changes, returns its
    /// old id.
    fn stage(
        &self,
        txn: &mut WriteTxn<'_>,
        id: gix::ObjectId,
        parents: &[gix::ObjectId],
        tree: &NewTree,
    ) -> Result<gix::ObjectId> {
        let encoded = read_object(txn.repo(), id, "read commit")?.detach().data;
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

/// Bounds the memory: if the transaction has already written a pack because it had many objects, writes the other objects too, and drops
/// all of them from memory.
fn flush(txn: &mut WriteTxn<'_>) -> Result<()> {
    if !txn.objects.durable.is_empty() {
        txn.sync()?;
        txn.objects.handles.take_memory();
        txn.objects.handles.set_memory(Storage::default());
        txn.objects.durable.clear();
    }
    Ok(())
}
