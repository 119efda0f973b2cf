//! Computes the index entries of commits from the repository.

use std::collections::{HashMap, HashSet};

use crate::config::PushLimits;
use crate::index::{ChangeEntry, CommitEntry};
use crate::names::CommitId;
use crate::repo::{CommitNode, DiffExtent, TreeChange, TreeDiffer, TreeId, TreeWeight};
use crate::store::error::{Error, Result};
use crate::store::open::Store;

/// The number of changes of a commit above which their extent is measured first. Measuring takes time for each tree, and only few commits
/// change more paths.
const UNMEASURED_MAX: usize = 1 << 16;

/// The maximum number of paths for each tree entry, if a commit changes more paths than a push may. A few small trees can name millions of
/// paths, which would take the index minutes. Real directories that occur at many paths stay far below this number.
const PATHS_PER_ENTRY_MAX: u64 = 1024;

/// Computes the index entries of commits. The caller must pass each commit after its parents.
pub(super) struct CommitEntries<'s> {
    store: &'s Store,
    differ: TreeDiffer<'s>,
    /// The trees of the commits that the caller has passed so far.
    trees: HashMap<CommitId, TreeId>,
}

impl<'s> CommitEntries<'s> {
    pub(super) fn new(store: &'s Store) -> Self {
        Self {
            store,
            differ: store.repo.objects().tree_differ(),
            trees: HashMap::new(),
        }
    }

    /// Returns the index entry of `node`, the next commit.
    ///
    /// # Errors
    /// [`Error::NotIndexed`] if the commit changes too many paths; a tree cannot be read.
    pub(super) fn next(&mut self, node: CommitNode) -> Result<CommitEntry> {
        let parents: Vec<TreeId> = node
            .parents
            .iter()
            .map(|parent| self.tree(*parent))
            .collect::<Result<_>>()?;
        let (first, further) = match parents.split_first() {
            Some((first, further)) => (Some(*first), further),
            None => (None, &[][..]),
        };
        // Compares each distinct tree once: a commit that another program made may name a parent many times, or many parents with the same
        // tree.
        let mut seen = HashSet::new();
        let further: Vec<TreeId> = further
            .iter()
            .filter(|tree| seen.insert(**tree))
            .copied()
            .collect();
        let mut changes = Vec::new();
        for changed in self.changed(first, &node)? {
            let mut is_own = changed.old != changed.new;
            for parent in &further {
                is_own = is_own && self.differ.module_at(*parent, &changed.path)? != changed.new;
            }
            changes.push(ChangeEntry {
                digest: changed.new.and_then(|hash| self.store.digests.get(hash)),
                path: changed.path,
                module: changed.new,
                is_own,
            });
        }
        self.trees.insert(node.id, node.tree);
        Ok(CommitEntry {
            id: node.id,
            parents: node.parents,
            date_s: node.date_s,
            tree: node.tree.as_bytes().to_vec(),
            changes,
        })
    }

    /// Returns the paths at which the commit's tree differs from the tree of its first parent.
    ///
    /// # Errors
    /// [`Error::NotIndexed`].
    fn changed(&self, first: Option<TreeId>, node: &CommitNode) -> Result<Vec<TreeChange>> {
        self.store.refused_commits.check(node.id)?;
        if let Some(changes) = self
            .differ
            .changes_up_to(first, node.tree, UNMEASURED_MAX)?
        {
            return Ok(changes);
        }
        let extent = self.differ.extent(first, node.tree)?;
        // Both trees may be as large as the limit, and the change may replace all paths of one by those of the other.
        let trees = 1 + u64::from(first.is_some());
        let reason = excess(extent, &self.store.options.push, trees);
        match reason {
            Some(reason) => Err(Error::NotIndexed {
                commit: node.id,
                reason,
            }),
            None => Ok(self.differ.changes(first, node.tree)?),
        }
    }

    fn tree(&self, commit: CommitId) -> Result<TreeId> {
        match self.trees.get(&commit) {
            Some(tree) => Ok(*tree),
            None => Ok(self.store.repo.objects().linked_commit(commit)?.tree),
        }
    }
}

/// Returns what exceeds a limit of the index; `None` if nothing does.
fn excess(extent: DiffExtent, limits: &PushLimits, trees: u64) -> Option<String> {
    let DiffExtent {
        weight: TreeWeight { paths, path_bytes },
        entries,
    } = extent;
    let bytes_max = limits.tree_path_bytes_max.saturating_mul(trees);
    if path_bytes > bytes_max {
        return Some(format!(
            "it changes {paths} paths of {path_bytes} bytes in total; the limit is {bytes_max} bytes (--max-tree-path-bytes)"
        ));
    }
    if paths > limits.paths_max && paths / PATHS_PER_ENTRY_MAX > entries {
        let paths_max = limits.paths_max;
        return Some(format!(
            "it changes {paths} paths, which only {entries} entries of trees name; the limit for so few entries is {paths_max} paths (--max-push-paths)"
        ));
    }
    None
}
