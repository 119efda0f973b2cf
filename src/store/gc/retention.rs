//! Decides which versions of modules a garbage collection keeps, and which it drops.
//!
//! The versions of a path are the versions that `wasmstore versions` lists. A version stays if one of the criteria keeps it. It always
//! stays if the branch's tip has it, or if another branch or a tag reaches a commit that has it.

use std::time::{SystemTime, UNIX_EPOCH};

use super::drop_candidates::DropCandidates;
use crate::index::Reader;
use crate::names::{Cutoff, ModuleHash, TreePath};
use crate::repo::{CommitNode, DroppedVersions, OwnHistory};
use crate::store::error::{Error, Result};
use crate::store::open::Store;

/// The criteria by which a garbage collection keeps versions of modules. A version stays if at least one criterion applies to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Keeps this many of the newest versions of each path.
    pub last: Option<u32>,
    /// Keeps the versions that the branch, or a branch that was merged into it, had at this time or later.
    pub since: Option<Cutoff>,
    /// Keeps the versions that are in the tree of a tagged commit.
    pub tags: bool,
    /// The modules, and the directories of modules, whose versions may be dropped. If the list is empty, versions of all modules may be
    /// dropped.
    pub paths: Vec<TreePath>,
}

impl Store {
    /// Returns the versions that `retention` does not keep. An empty `Retention` keeps only the versions of the tip, as a squash does.
    ///
    /// # Errors
    /// One of `retention.paths` never existed; the index or the repository cannot be read.
    pub(super) fn dropped_versions(
        &self,
        own: &OwnHistory,
        retention: &Retention,
    ) -> Result<DroppedVersions> {
        let tip = own.tip();
        let mut candidates = DropCandidates::new(self, tip.tree, &retention.paths);
        let cutoff_s = retention.since.map(|since| since.at_s(now_s()));
        candidates.add(own, cutoff_s)?;
        for path in &retention.paths {
            self.require_history(tip, path)?;
        }
        if retention.tags {
            for tree in self.repo.tagged_trees()? {
                candidates.keep_replaced(tree, tip.tree)?;
            }
        }
        let last = retention.last.unwrap_or(0) as usize;
        self.query_index(tip.id, |index| select(index, &candidates, tip, last))
    }

    /// Checks that there was once something at `path`.
    ///
    /// # Errors
    /// There is nothing at `path`, and no commit has changed it.
    fn require_history(&self, tip: &CommitNode, path: &TreePath) -> Result<()> {
        let newest = self.query_index(tip.id, |index| Ok(index.newest_change(tip.id, path)?))?;
        if newest.is_some() || self.repo.objects().node(tip.tree, path)?.is_some() {
            return Ok(());
        }
        Err(Error::NeverExisted(path.to_string()))
    }
}

/// Selects the versions of modules to drop: each candidate that is not marked to stay, is not among the `last` newest versions of its path,
/// and was not put there by a commit that another ref reaches.
fn select(
    index: &Reader,
    candidates: &DropCandidates<'_>,
    tip: &CommitNode,
    last: usize,
) -> Result<DroppedVersions> {
    let mut dropped = DroppedVersions::default();
    for (path, modules) in candidates.paths() {
        let mut versions: Vec<(ModuleHash, bool)> = Vec::new();
        for change in index.own_changes(tip.id, path)? {
            let Some(module) = change.module else {
                continue;
            };
            let is_own = candidates.is_own(change.commit);
            match versions.iter_mut().find(|(version, _)| *version == module) {
                Some((_, all_own)) => *all_own &= is_own,
                None => versions.push((module, is_own)),
            }
        }
        let end = versions.len().saturating_sub(last);
        for (module, all_own) in &versions[..end] {
            if *all_own && modules.is_dropped(*module) {
                dropped.insert(path.clone(), *module);
            }
        }
    }
    Ok(dropped)
}

/// Returns the current time, in seconds since 1970-01-01 UTC.
pub(in crate::store) fn now_s() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    since_epoch.map_or(0, |since| since.as_secs().cast_signed())
}
