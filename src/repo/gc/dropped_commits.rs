//! Counts the commits that a branch would lose if versions of modules were dropped, without writing new trees.

use std::collections::HashMap;

use gix::bstr::{BString, ByteSlice as _};

use crate::repo::error::Result;
use crate::repo::gc::dropped_versions::DroppedVersions;
use crate::repo::gc::kept_parents::KeptParents;
use crate::repo::gc::own_history::OwnHistory;
use crate::repo::gc::rewritten_commit::restored_id;
use crate::repo::gc::rewritten_history::{DropEffect, HistoryCommit, RewrittenHistory};
use crate::repo::history::walk::CommitNode;
use crate::repo::ids::object_id;
use crate::repo::objects::commit::read_linked;
use crate::repo::objects::copies::read_object;
use crate::repo::parts::Parts;
use crate::repo::tree::diff::{EntryChange, entry_and_mode_changes, is_identical};
use crate::repo::tree::entry::TreeEntry;
use crate::repo::tree::reader::TreeReader;

/// For each path: the commits that replace the entry at the path by a dropped module, each with the entry that it replaced. In the new
/// history, the replaced entry stays at the path until a commit replaces it by an entry that is not dropped.
type CarriedEntries = HashMap<BString, Vec<(HistoryCommit, Option<TreeEntry>)>>;

/// Returns the number of commits by which the history `own` would become shorter if the versions `dropped` were dropped from it.
pub(crate) fn count_dropped(
    parts: &Parts,
    own: &OwnHistory,
    dropped: &DroppedVersions,
) -> Result<usize> {
    if dropped.is_empty() {
        return Ok(0);
    }
    let repo = parts.objects.handle_for("HEAD")?;
    let mut counter = Counter {
        trees: TreeReader::cached(&parts.objects),
        dropped,
        old: RewrittenHistory::default(),
        carried: CarriedEntries::new(),
    };
    let mut new = RewrittenHistory::default();
    let kept = KeptParents::new(&parts.objects)?;
    let nodes: HashMap<_, _> = own
        .commits
        .iter()
        .map(|node| (node.id, node.tree))
        .collect();
    for commit in &own.commits {
        let base = match commit.parents.first() {
            None => gix::ObjectId::empty_tree(repo.object_hash()),
            Some(parent) => match nodes.get(parent) {
                Some(tree) => tree.0,
                None => read_linked(&repo, *parent)?.tree.0,
            },
        };
        let ids = commit.parents.iter();
        let ids = ids.filter_map(|parent| object_id(&repo, parent.as_bytes()));
        let parents: Vec<_> = ids.collect();
        let Some(id) = object_id(&repo, commit.id.as_bytes()) else {
            continue;
        };
        let unchanged = DropEffect {
            is_same: true,
            is_empty: false,
        };
        counter
            .old
            .add_placeholder(id, &parents, unchanged, &kept)?;
        let mut effect = counter.effect_on(commit, id, parents.first(), base)?;
        effect.is_same = effect.is_same && !restores_other(&repo, id, &new)?;
        new.add_placeholder(id, &parents, effect, &kept)?;
    }
    Ok(own.commits.len() - new.kept())
}

/// Returns whether the trailer `Restores` of a commit names a commit that gets another id, so that the trailer must change.
fn restores_other(
    repo: &gix::Repository,
    id: gix::ObjectId,
    new: &RewrittenHistory,
) -> Result<bool> {
    let object = read_object(repo, id, "read commit")?;
    let restored = restored_id(&object.data);
    Ok(restored.is_some_and(|restored| new.new_id(restored) != restored))
}

struct Counter<'r> {
    trees: TreeReader<'r>,
    dropped: &'r DroppedVersions,
    /// The history as it would be if nothing were dropped. It is only used to look up the positions of commits in their first-parent
    /// history.
    old: RewrittenHistory,
    carried: CarriedEntries,
}

impl Counter<'_> {
    fn effect_on(
        &mut self,
        commit: &CommitNode,
        id: gix::ObjectId,
        parent: Option<&gix::ObjectId>,
        base: gix::ObjectId,
    ) -> Result<DropEffect> {
        let changes = entry_and_mode_changes(&self.trees, base, commit.tree.0)?;
        let mut is_same = true;
        let mut is_empty = !changes.is_empty() || commit.parents.len() > 1;
        for EntryChange { path, old, new } in changes {
            let was_dropped = self.dropped.contains(path.as_bstr(), old.as_ref());
            let is_dropped = self.dropped.contains(path.as_bstr(), new.as_ref());
            is_same &= !was_dropped && !is_dropped;
            if is_dropped {
                if !was_dropped {
                    let start = self.old.new_commit(id);
                    self.carried.entry(path).or_default().push((start, old));
                }
            } else {
                let before = if was_dropped {
                    self.carried_entry(&path, parent)
                } else {
                    old
                };
                is_empty &= is_identical(before, new);
            }
        }
        Ok(DropEffect { is_same, is_empty })
    }

    /// Returns the entry that the new form of `commit` has at `path`, where the old form has a module that is dropped: the entry that this
    /// module replaced. `None` if the module replaced nothing.
    fn carried_entry(&self, path: &BString, commit: Option<&gix::ObjectId>) -> Option<TreeEntry> {
        let commit = self.old.new_commit(*commit?);
        let starts = self.carried.get(path)?.iter().rev();
        let mut starts =
            starts.filter(|(start, _)| self.old.is_first_parent_ancestor(*start, commit));
        starts.next().and_then(|(_, entry)| *entry)
    }
}
