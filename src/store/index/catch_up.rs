//! Keeping the version index up with the repository.
//!
//! Nothing rests on the index but answers, and whoever asks adds first what is not there yet: so it may be missing, behind, or made
//! anew at any time. That there is little to add sees a server to in the background, many commits at a time; elsewhere a change
//! adds its commit after it was published.

use std::collections::HashMap;

use crate::index::{self, NewChange, NewCommit, Reader};
use crate::names::{BranchName, CommitId};
use crate::repo::{self, Decision, Differ, Draft, Link, Published, TreeId, WriteTxn};
use crate::store::error::{Error, Result};
use crate::store::open::Store;
use crate::store::revision::Revision;

/// How many commits are added in one transaction,
const STEP_COMMITS_MAX: usize = 1024;
/// and how many changes; the last commit may have more.
const STEP_CHANGES_MAX: usize = 1 << 16;

/// How far behind the index may be for a change to bring it up by the way.
pub(in crate::store) const BEHIND_MAX: usize = 256;

/// How often a question is asked again of an index that was made anew.
const ATTEMPTS_MAX: usize = 4;

/// Is told how many commits of how many were added.
pub(in crate::store) type Progress = Box<dyn Fn(usize, usize) + Send + Sync>;

impl Store {
    /// Has `progress` told, when the index is brought up, how many commits of how many were added.
    pub fn on_catch_up(&mut self, progress: impl Fn(usize, usize) + Send + Sync + 'static) {
        self.progress = Some(Box::new(progress));
    }

    /// Brings the version index up to `at`.
    ///
    /// # Errors
    /// Unknown branch or commit; the history is not whole; neither the store nor the folder for temporary files can be written.
    pub fn catch_up(&self, at: &Revision) -> Result<()> {
        self.read(at, |view| match view.commit {
            Some(commit) => self.ask(commit, |_| Ok(())),
            None => Ok(()),
        })
    }

    /// Brings the index up with every branch.
    pub(in crate::store) fn catch_up_all(&self) -> Result<()> {
        let mut branches = self.branches()?.into_iter().map(Some).map(Revision::Branch);
        branches.try_for_each(|at| self.catch_up(&at))
    }

    /// Publishes a change, and tells the index.
    pub(in crate::store) fn publish<T>(
        &self,
        writing: WriteTxn<'_>,
        branch: Option<&BranchName>,
        judge: impl FnMut(&mut Draft<'_>) -> Result<(Decision, T)>,
    ) -> Result<Published<T>> {
        let published = self.repo.publish(writing, branch, judge)?;
        match (
            published.commit.filter(|_| published.has_moved),
            self.news.get(),
        ) {
            // A full channel is news that was not looked at yet.
            (Some(_), Some(news)) => drop(news.try_send(())),
            (Some(commit), None) => self.note(commit),
            (None, _) => {}
        }
        Ok(published)
    }

    /// Adds a new commit to the index, unless somebody does so for others, who then come upon it, or there is much to add.
    pub(in crate::store) fn note(&self, commit: CommitId) {
        let Some(_alone) = self.index.try_append_alone() else {
            return;
        };
        let noted = || -> Result<()> {
            self.index.refresh();
            let mut reader = self.index.reader()?;
            match self.unindexed(&reader, commit, BEHIND_MAX)? {
                Some(links) => self.append(&mut reader, links, &|_, _| ()),
                None => Ok(()),
            }
        };
        if let Err(error) = noted() {
            tracing::debug!(error = repo::chain(&error), "could not tell the index");
        }
    }

    /// Asks the index something about a commit, once it knows the commit with all that it reaches.
    pub(in crate::store) fn ask<T>(
        &self,
        commit: CommitId,
        mut question: impl FnMut(&Reader) -> Result<T>,
    ) -> Result<T> {
        self.recovering(|reader| {
            if reader.has(commit)? {
                return question(reader);
            }
            self.catch_up_to(commit)?;
            // It may be another one now.
            question(&self.index.reader()?)
        })
    }

    /// Does something with the index, and once more with another one if that was damaged.
    pub(in crate::store) fn recovering<T>(
        &self,
        mut work: impl FnMut(&mut Reader) -> Result<T>,
    ) -> Result<T> {
        for _ in 1..ATTEMPTS_MAX {
            let mut reader = self.index.reader()?;
            let origin = reader.origin();
            match work(&mut reader) {
                Err(Error::Index(error)) if error.is_damage() || error.is_unwritable() => {
                    tracing::info!(
                        error = repo::chain(&error),
                        "the version index is made anew"
                    );
                    drop(reader);
                    self.index.recover(&origin, &error)?;
                }
                // Another process made a new one at this moment.
                Err(Error::Index(index::Error::Unknown)) => {}
                answer => return answer,
            }
        }
        work(&mut self.index.reader()?)
    }

    fn catch_up_to(&self, commit: CommitId) -> Result<()> {
        let _alone = self.index.append_alone();
        self.index.refresh();
        let mut reader = self.index.reader()?;
        let links = self.unindexed(&reader, commit, usize::MAX)?;
        let links = links.expect("BUG: there is no limit");
        let progress = |done, all| {
            if let Some(progress) = &self.progress {
                progress(done, all);
            }
        };
        self.append(&mut reader, links, &progress)
    }

    fn unindexed(
        &self,
        reader: &Reader,
        commit: CommitId,
        max: usize,
    ) -> Result<Option<Vec<Link>>> {
        self.repo
            .objects()
            .unknown_history(commit, max, |id| Ok(reader.has(id)?))
    }

    fn append(
        &self,
        reader: &mut Reader,
        links: Vec<Link>,
        progress: &dyn Fn(usize, usize),
    ) -> Result<()> {
        let all = links.len();
        let mut commits = Commits::new(self);
        let (mut step, mut changes) = (Vec::new(), 0);
        for (done, link) in (1..).zip(links) {
            let commit = commits.next(link)?;
            changes += commit.changes.len();
            step.push(commit);
            if step.len() == STEP_COMMITS_MAX || changes >= STEP_CHANGES_MAX || done == all {
                reader.append(&step)?;
                (step, changes) = (Vec::new(), 0);
                progress(done, all);
            }
        }
        Ok(())
    }
}

/// What is to be told of commits that come parents first.
pub(in crate::store) struct Commits<'s> {
    store: &'s Store,
    differ: Differ<'s>,
    trees: HashMap<CommitId, TreeId>,
}

impl<'s> Commits<'s> {
    pub(in crate::store) fn new(store: &'s Store) -> Self {
        Self {
            store,
            differ: store.repo.objects().differ(),
            trees: HashMap::new(),
        }
    }

    /// What is to be told of the next one.
    pub(in crate::store) fn next(&mut self, link: Link) -> Result<NewCommit> {
        let parents: Vec<TreeId> = link
            .parents
            .iter()
            .map(|parent| self.tree(*parent))
            .collect::<Result<_>>()?;
        let (first, further) = match parents.split_first() {
            Some((first, further)) => (Some(*first), further),
            None => (None, &[][..]),
        };
        let mut changes = Vec::new();
        for changed in self.differ.changed(first, link.tree)? {
            let mut is_own = changed.old != changed.new;
            for parent in further {
                is_own = is_own && self.differ.module_at(*parent, &changed.path)? != changed.new;
            }
            changes.push(NewChange {
                digest: changed.new.and_then(|hash| self.store.digests.known(hash)),
                path: changed.path,
                module: changed.new,
                is_own,
            });
        }
        self.trees.insert(link.id, link.tree);
        Ok(NewCommit {
            id: link.id,
            parents: link.parents,
            date_s: link.date_s,
            tree: link.tree.as_bytes().to_vec(),
            changes,
        })
    }

    fn tree(&self, commit: CommitId) -> Result<TreeId> {
        match self.trees.get(&commit) {
            Some(tree) => Ok(*tree),
            None => Ok(self.store.repo.objects().linked_commit(commit)?.tree),
        }
    }
}
