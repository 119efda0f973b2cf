//! Walks the commits that changed a path, and compares the module in each commit with the modules in its parents.

use std::collections::{BTreeSet, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;

use super::filter::ChangeFilter;
use super::matched::{ItemState, MatchedChange, MatchedCommit, MatchedItem};
use super::summary::Summary;
use crate::names::{CommitId, ModuleHash, ModulePath};
use crate::repo::{Commit, TreeNode, chain};
use crate::store::after_commit::AfterCommit;
use crate::store::error::Result;
use crate::store::error_kind::ErrorKind;
use crate::store::open::Store;
use crate::store::revision::Revision;

/// The maximum number of changed imports and exports that are listed for one commit.
const ITEMS_LISTED_MAX: usize = 100;

/// The maximum total length of the names and types that are listed for one commit, in bytes.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// The number of module summaries that the walk holds in memory. The walk goes from new to old, so the module in a parent of a commit is
/// usually the module in the next commit of the walk.
const SUMMARIES_HELD: usize = 4;

impl Store {
    /// Calls `visit` for the commits that [`audit`](Self::audit) returns and that follow the commit `after`, newest first, until `visit`
    /// returns `Break`. Passes each commit with the changes that the filter selects, or `None` if there are no such changes.
    ///
    /// Only a difference from every parent is a change. So a change on a branch is listed for the commit on that branch, and not again for
    /// the merge of the branch. Computes facts that the index does not have. Pass a revision that [`as_of`](Self::as_of) resolved.
    ///
    /// # Errors
    /// `after` is not one of the commits that `audit` returns.
    pub fn log_path_after(
        &self,
        revision: &Revision,
        path: &ModulePath,
        filter: &ChangeFilter,
        after: Option<CommitId>,
        mut visit: impl FnMut(CommitId, Option<MatchedCommit>) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut walk = Walk {
            store: self,
            path,
            filter,
            summaries: VecDeque::new(),
        };
        let mut selection = AfterCommit::new(after);
        for change in self.own_changes(revision, path)?.into_iter().rev() {
            if !selection.selects(change.commit) {
                continue;
            }
            let matched = walk.compare(change.commit, change.module)?;
            if visit(change.commit, matched).is_break() {
                break;
            }
        }
        selection.finish()
    }

    /// Returns the size of the largest module whose facts [`log_path_after`](Self::log_path_after) has to compute for the first `count`
    /// commits, in bytes; 0 if the index has all facts that are needed.
    pub fn largest_without_facts(
        &self,
        revision: &Revision,
        path: &ModulePath,
        filter: &ChangeFilter,
        (after, count): (Option<CommitId>, usize),
    ) -> Result<u64> {
        if !filter.has_items() {
            return Ok(0);
        }
        let mut selection = AfterCommit::new(after);
        let changes = self.own_changes(revision, path)?.into_iter().rev();
        // Includes one commit more, because the module in the last commit is compared with the module in its parent.
        let changes = changes
            .filter(|change| selection.selects(change.commit))
            .take(count + 1);
        let modules: BTreeSet<ModuleHash> = changes.filter_map(|change| change.module).collect();
        let mut largest = 0;
        for hash in modules {
            if !self.has_facts(hash) {
                largest = self.size_bytes(hash)?.max(largest);
            }
        }
        Ok(largest)
    }
}

struct Walk<'s> {
    store: &'s Store,
    path: &'s ModulePath,
    filter: &'s ChangeFilter,
    /// The [`Summary`] of each module that was read last, with the hash of the module; the newest is first.
    summaries: VecDeque<(ModuleHash, Arc<Summary>)>,
}

impl Walk<'_> {
    /// Compares a commit with its parents. Returns the changes that the filter selects; `None` if there are none.
    fn compare(&mut self, id: CommitId, hash: Option<ModuleHash>) -> Result<Option<MatchedCommit>> {
        let commit = self.store.repo.objects().linked_commit(id)?;
        let new = hash.map(|hash| self.summary(hash)).transpose()?;
        let mut parents = Vec::new();
        for parent in self.modules_in_parents(&commit)? {
            parents.push(parent.map(|hash| self.summary(hash)).transpose()?);
        }
        let parents: Vec<_> = parents.iter().map(Option::as_deref).collect();
        let change = changes(self.filter, &parents, new.as_deref());
        Ok((!change.is_empty()).then_some(MatchedCommit {
            commit,
            hash,
            change,
        }))
    }

    /// Returns the modules at the path in the parents, without duplicates. For a commit without parents, returns one `None`: a parent
    /// without a module.
    fn modules_in_parents(&self, commit: &Commit) -> Result<Vec<Option<ModuleHash>>> {
        let objects = self.store.repo.objects();
        let mut modules = Vec::new();
        for parent in &commit.parents {
            let tree = objects.linked_commit(*parent)?.tree;
            let module = match objects.node(tree, self.path.as_tree_path())? {
                Some(TreeNode::Module(hash)) => Some(hash),
                _ => None,
            };
            if !modules.contains(&module) {
                modules.push(module);
            }
        }
        if modules.is_empty() {
            modules.push(None);
        }
        Ok(modules)
    }

    fn summary(&mut self, hash: ModuleHash) -> Result<Arc<Summary>> {
        let mut held = self.summaries.iter();
        if let Some((_, summary)) = held.find(|(held, _)| *held == hash) {
            return Ok(Arc::clone(summary));
        }
        let facts = self.filter.has_items().then(|| self.store.facts_of(hash));
        let summary = match facts {
            None => Summary::of_size(self.store.size_bytes(hash)?),
            Some(Ok(facts)) => Summary::of(&facts, self.filter),
            // If another program wrote the repository, the file at the path may be anything.
            Some(Err(error)) if error.kind() == ErrorKind::InvalidModule => {
                Summary::unknown(self.store.size_bytes(hash)?, chain(&error))
            }
            Some(Err(error)) => return Err(error),
        };
        let summary = Arc::new(summary);
        self.summaries.push_front((hash, Arc::clone(&summary)));
        self.summaries.truncate(SUMMARIES_HELD);
        Ok(summary)
    }
}

/// Compares `new`, the module at a path in a commit, with the module at this path in each parent of the commit; `None` means that there is
/// no module. What differs from all parents is a change. Returns the changes that `filter` selects. `parents` must not be empty.
fn changes<'m>(
    filter: &ChangeFilter,
    parents: &[Option<&'m Summary>],
    new: Option<&'m Summary>,
) -> MatchedChange {
    let mut change = MatchedChange {
        grew: growth(filter, parents, new),
        ..MatchedChange::default()
    };
    let sides = || parents.iter().copied().chain([new]).flatten();
    change.unknown = sides().find_map(|side| side.unknown.clone());
    let mut names: Vec<_> = sides().flat_map(|side| side.items.keys()).collect();
    names.sort();
    names.dedup();
    let mut left_bytes = TEXT_BYTES_MAX;
    for key in names {
        let key_states = |side: Option<&'m Summary>| side.and_then(|side| side.items.get(key));
        let (old, now) = (key_states(parents[0]), key_states(new));
        if parents.iter().any(|parent| key_states(*parent) == now) {
            continue;
        }
        let empty = Vec::new();
        for (old, new) in pair_states(old.unwrap_or(&empty), now.unwrap_or(&empty)) {
            let length = |state: &Option<&ItemState>| {
                state.map_or(0, |state| state.version.len() + state.ty.len())
            };
            let bytes = key.1.len() + length(&old) + length(&new);
            if bytes > left_bytes || change.items.len() >= ITEMS_LISTED_MAX {
                left_bytes = 0;
                change.left_out += 1;
                continue;
            }
            left_bytes -= bytes;
            change.items.push(MatchedItem {
                kind: key.0,
                name: key.1.clone(),
                old: old.cloned(),
                new: new.cloned(),
            });
        }
    }
    change
}

/// Pairs the states (versions and types) of an item that only `old` has with the states that only `new` has, in order. A state without a
/// partner is paired with `None`.
fn pair_states<'s>(
    old: &'s [ItemState],
    new: &'s [ItemState],
) -> Vec<(Option<&'s ItemState>, Option<&'s ItemState>)> {
    let removed: Vec<_> = old.iter().filter(|state| !new.contains(state)).collect();
    let added: Vec<_> = new.iter().filter(|state| !old.contains(state)).collect();
    let count = removed.len().max(added.len());
    let pair = |nth: usize| (removed.get(nth).copied(), added.get(nth).copied());
    (0..count).map(pair).collect()
}

/// Returns the old and the new size of a module, in bytes, if the module has grown by the share that the filter requires. If the parents
/// have several modules, the old size is the size of the largest.
fn growth(
    filter: &ChangeFilter,
    parents: &[Option<&Summary>],
    new: Option<&Summary>,
) -> Option<(u64, u64)> {
    let (share, new) = (filter.grew?, new?);
    let sizes = parents.iter().flatten().map(|parent| parent.size_bytes);
    let largest = sizes.max()?;
    share
        .is_reached(largest, new.size_bytes)
        .then_some((largest, new.size_bytes))
}
