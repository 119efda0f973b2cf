//! Comparing the version index with the repository.

use std::collections::HashMap;

use super::catch_up::Commits;
use crate::index::{CommitSummary, Reader};
use crate::names::{CommitId, Digest, ModuleHash};
use crate::repo::chain;
use crate::store::error::{Error, Result};
use crate::store::open::Store;

/// How many faults are told one by one.
const FAULTS_MAX: usize = 10;

/// A check of the version index. What it does not know yet is no fault.
pub(in crate::store) struct IndexCheck<'s> {
    store: &'s Store,
    index: Option<Reader>,
    faults: Vec<String>,
}

impl<'s> IndexCheck<'s> {
    pub(in crate::store) fn new(store: &'s Store) -> Self {
        let (mut index, mut faults) = (None, Vec::new());
        match store.index.existing() {
            Ok(found) => index = found,
            Err(error) => faults.push(chain(&error)),
        }
        Self {
            store,
            index,
            faults,
        }
    }

    /// Compares the digest of a module that was read.
    pub(in crate::store) fn digest(&mut self, hash: ModuleHash, digest: Digest) {
        let known = self.index.as_ref().map(|index| index.digest_of(hash));
        match known {
            Some(Ok(Some(known))) if known != digest => {
                self.faults
                    .push(format!("the digest of module {hash} is {digest}"));
            }
            _ => {}
        }
    }

    /// Compares what is said of commits, and returns what is wrong.
    pub(in crate::store) fn finish(mut self) -> Vec<String> {
        match self.compare() {
            Ok(()) => {}
            Err(Error::Index(error)) => self.faults.push(chain(&error)),
            // The repository's own faults are told elsewhere.
            Err(error) => {
                tracing::warn!(error = chain(&error), "the version index was not compared")
            }
        }
        if self.faults.len() > FAULTS_MAX {
            let more = self.faults.len() - FAULTS_MAX;
            self.faults.truncate(FAULTS_MAX);
            self.faults.push(format!("{more} more"));
        }
        self.faults
    }

    fn compare(&mut self) -> Result<()> {
        let Some(index) = &self.index else {
            return Ok(());
        };
        let told = index.summaries()?;
        let mut commits = Commits::new(self.store);
        let mut summaries: HashMap<CommitId, CommitSummary> = HashMap::new();
        for branch in self.store.branches()? {
            let Some(tip) = self.store.repo.refs().tip(&branch)? else {
                continue;
            };
            let is_known = |id| Ok::<_, Error>(summaries.contains_key(&id));
            let links = self
                .store
                .repo
                .objects()
                .unknown_history(tip, usize::MAX, is_known)?;
            for link in links.into_iter().flatten() {
                let commit = commits.next(link)?;
                let summary = CommitSummary::of(&commit, |parent| summaries.get(&parent))?;
                if told.get(&commit.id).is_some_and(|told| *told != summary) {
                    let fault = format!("commit {} is not as the repository has it", commit.id);
                    self.faults.push(fault);
                }
                summaries.insert(commit.id, summary);
            }
        }
        Ok(())
    }
}
