//! Adds missing commits to the version index.
//!
//! The index is a cache: before each query, the missing commits are added. So it may be incomplete, absent or rebuilt at any time. To keep
//! the number of missing commits small, a server adds commits in the background, many at a time; any other process adds its commit right
//! after publishing it.

use std::collections::HashSet;

use super::commit_entries::CommitEntries;
use crate::index::{self, Reader};
use crate::names::{BranchName, CommitId};
use crate::repo::{self, CommitNode};
use crate::store::error::{Error, Result};
use crate::store::open::Store;
use crate::store::revision::Revision;

/// The maximum number of commits that are added in one transaction.
const STEP_COMMITS_MAX: usize = 1024;

/// The number of changed paths after which a transaction ends. The last commit of the transaction may exceed the number.
const STEP_CHANGES_MAX: usize = 1 << 16;

/// The maximum number of missing commits that a write adds to the index after it has published its own commit.
pub(in crate::store) const BEHIND_MAX: usize = 256;

/// The maximum number of attempts of a query. A query is repeated if the index is rebuilt while the query runs.
const ATTEMPTS_MAX: usize = 4;

impl Store {
    /// Sets a function that is called while missing commits, or missing facts about modules, are added to the index. Its arguments are the
    /// number added so far, and the number that was missing at the start.
    pub fn on_catch_up(&mut self, progress: impl Fn(usize, usize) + Send + Sync + 'static) {
        self.progress = Some(Box::new(progress));
    }

    /// Adds the commit that `revision` resolves to, and all its ancestors, to the version index.
    ///
    /// # Errors
    /// Unknown branch or commit; incomplete history; neither the store nor the directory for temporary files can be written.
    pub fn catch_up(&self, revision: &Revision) -> Result<()> {
        self.read(revision, |resolved| match resolved.commit {
            Some(commit) => self.query_index(commit, |_| Ok(())),
            None => Ok(()),
        })
    }

    /// Adds the commits of every branch to the version index. Lists the refs once, and reads only the branches with a new tip, because a
    /// store may have many thousands of branches, and any request with an unknown digest calls this function. Skips branches with a commit
    /// that cannot be in the index.
    pub(in crate::store) fn catch_up_all(&self) -> Result<()> {
        self.catch_up_branches(&mut |branch, error| {
            tracing::debug!(%branch, error = repo::chain(&error), "a branch is not in the version index");
        })
    }

    /// Adds the commits of every branch to the version index, like [`catch_up_all`](Self::catch_up_all). Calls `on_skipped` for each branch
    /// with a commit that cannot be in the index, with the error.
    pub(super) fn catch_up_branches(
        &self,
        on_skipped: &mut dyn FnMut(&BranchName, Error),
    ) -> Result<()> {
        let tips = self.repo.refs().branch_tips()?;
        let mut new = Vec::new();
        self.with_index(|reader| {
            new.clear();
            let mut seen = HashSet::new();
            for (branch, tip) in &tips {
                if seen.insert(tip) && !reader.contains(*tip)? {
                    new.push(branch.clone());
                }
            }
            Ok(())
        })?;
        for branch in new {
            match self.catch_up(&Revision::Branch(Some(branch.clone()))) {
                Err(error @ Error::NotIndexed { .. }) => on_skipped(&branch, error),
                caught_up => caught_up?,
            }
        }
        Ok(())
    }

    /// Adds a published commit to the index, with its missing ancestors. Does nothing if another thread is adding commits, because that
    /// thread will find this commit; or if more than [`BEHIND_MAX`] commits are missing.
    pub(in crate::store) fn index_published_commit(&self, commit: CommitId) {
        let Some(_append_guard) = self.index.begin_append_if_idle() else {
            return;
        };
        let add = || -> Result<()> {
            self.index.refresh();
            let mut reader = self.index.reader()?;
            match self.unindexed_history(&reader, commit, BEHIND_MAX)? {
                Some(nodes) => self.append(&mut reader, nodes, &|_, _| ())?,
                None => return Ok(()),
            }
            drop(reader);
            self.index_pending_facts()
        };
        if let Err(error) = add() {
            tracing::debug!(
                error = repo::chain(&error),
                "could not add a published commit to the version index"
            );
        }
    }

    /// Runs a query on the index, after adding `commit` and all its ancestors if they are missing.
    pub(in crate::store) fn query_index<T>(
        &self,
        commit: CommitId,
        mut query: impl FnMut(&Reader) -> Result<T>,
    ) -> Result<T> {
        self.with_index(|reader| {
            if reader.contains(commit)? {
                return query(reader);
            }
            self.catch_up_to(commit)?;
            // Opens a new reader, because `catch_up_to` may have replaced the database.
            query(&self.index.reader()?)
        })
    }

    /// Runs `work` on the index. If the database is damaged or cannot be written, replaces it and runs `work` again.
    pub(in crate::store) fn with_index<T>(
        &self,
        mut work: impl FnMut(&mut Reader) -> Result<T>,
    ) -> Result<T> {
        for _ in 1..ATTEMPTS_MAX {
            let mut reader = self.index.reader()?;
            let database_id = reader.database_id();
            match work(&mut reader) {
                Err(Error::Index(error)) if error.is_damage() || error.is_unwritable() => {
                    tracing::info!(error = repo::chain(&error), "rebuilding the version index");
                    drop(reader);
                    self.index.replace(&database_id, &error)?;
                }
                // Another process has replaced the index while `work` ran, so commits that were in the index are missing now.
                Err(Error::Index(index::Error::UnknownCommit)) => {}
                result => return result,
            }
        }
        work(&mut self.index.reader()?)
    }

    fn catch_up_to(&self, commit: CommitId) -> Result<()> {
        self.refused_commits.check(commit)?;
        let added = self.add_history(commit);
        added.inspect_err(|error| self.refused_commits.record(commit, error))
    }

    /// Adds `commit` and all its ancestors that the index does not contain.
    fn add_history(&self, commit: CommitId) -> Result<()> {
        let _append_guard = self.index.begin_append();
        self.index.refresh();
        let mut reader = self.index.reader()?;
        let nodes = self
            .unindexed_history(&reader, commit, usize::MAX)?
            .expect("BUG: the number of commits is not limited");
        let progress = |added, missing| {
            if let Some(progress) = &self.progress {
                progress(added, missing);
            }
        };
        self.append(&mut reader, nodes, &progress)
    }

    /// Returns `commit` and its ancestors that the index does not contain, parents first; `None` if there are more than `max`.
    fn unindexed_history(
        &self,
        reader: &Reader,
        commit: CommitId,
        max: usize,
    ) -> Result<Option<Vec<CommitNode>>> {
        self.repo
            .objects()
            .unknown_history(commit, max, |id| Ok(reader.contains(id)?))
    }

    fn append(
        &self,
        reader: &mut Reader,
        nodes: Vec<CommitNode>,
        progress: &dyn Fn(usize, usize),
    ) -> Result<()> {
        let missing = nodes.len();
        let mut entries = CommitEntries::new(self);
        let (mut step, mut step_changes) = (Vec::new(), 0);
        for (added, node) in (1..).zip(nodes) {
            let commit = match entries.next(node) {
                Ok(commit) => commit,
                Err(error) => {
                    // Adds the commits before this one, so that the next attempt does not begin with them again.
                    reader.append(&step)?;
                    return Err(error);
                }
            };
            step_changes += commit.changes.len();
            step.push(commit);
            if step.len() == STEP_COMMITS_MAX
                || step_changes >= STEP_CHANGES_MAX
                || added == missing
            {
                reader.append(&step)?;
                (step, step_changes) = (Vec::new(), 0);
                progress(added, missing);
            }
        }
        Ok(())
    }
}
