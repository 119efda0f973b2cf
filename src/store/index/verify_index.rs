//! Compares the version index with the repository.

use std::collections::HashMap;

use super::commit_entries::CommitEntries;
use crate::index::{CommitSummary, Reader};
use crate::names::{BranchName, CommitId, Digest, ModuleHash};
use crate::repo::chain;
use crate::store::error::{Error, Result};
use crate::store::facts::ModuleFacts;
use crate::store::open::Store;

/// The maximum number of faults that are described. Any further faults are only counted.
const FAULTS_MAX: usize = 10;

/// The number of modules whose facts are always compared. Of all further modules, only a sample is compared.
const FACTS_FIRST: u64 = 8;

/// The number of valid modules that are added to the index in one transaction.
const VALID_STEP: usize = 1024;

/// The result of a comparison of the version index with the repository.
pub(in crate::store) struct IndexFindings {
    /// Faults of the index: at most [`FAULTS_MAX`] descriptions, then the number of the other faults.
    pub faults: Vec<String>,
    /// The branches with a commit that cannot be in the index, and why. A rebuild of the index does not add them.
    pub unindexed: Vec<(BranchName, Error)>,
}

/// A comparison of the version index with the repository. A commit that is not indexed yet is not a fault.
pub(in crate::store) struct IndexCheck<'s> {
    store: &'s Store,
    index: Option<Reader>,
    faults: Vec<String>,
    unindexed: Vec<(BranchName, Error)>,
    /// The number of modules that were passed to `compare_facts` so far.
    modules: u64,
    /// Modules that were found valid, and are not yet recorded as valid in the index.
    valid_modules: Vec<ModuleHash>,
}

impl<'s> IndexCheck<'s> {
    pub(in crate::store) fn new(store: &'s Store) -> Self {
        let (mut index, mut faults) = (None, Vec::new());
        match store.index.existing() {
            Ok(existing) => index = existing,
            Err(error) => faults.push(chain(&error)),
        }
        Self {
            store,
            index,
            faults,
            unindexed: Vec::new(),
            modules: 0,
            valid_modules: Vec::new(),
        }
    }

    /// Returns whether the index has recorded a module as valid, so that it need not be validated again.
    pub(in crate::store) fn is_valid(&self, hash: ModuleHash) -> bool {
        let remembered = self.index.as_ref().map(|index| index.is_valid(hash));
        matches!(remembered, Some(Ok(true)))
    }

    /// Records that a module is valid. Writes such records to the index many at a time.
    pub(in crate::store) fn add_valid(&mut self, hash: ModuleHash) {
        self.valid_modules.push(hash);
        if self.valid_modules.len() >= VALID_STEP {
            self.store_valid();
        }
    }

    /// Returns the store that is verified.
    pub(in crate::store) fn store(&self) -> &'s Store {
        self.store
    }

    /// Writes `valid_modules` to the index. If that fails, the next verification validates these modules again.
    fn store_valid(&mut self) {
        let modules = std::mem::take(&mut self.valid_modules);
        let stored = self.index.as_mut().map(|index| index.add_valid(&modules));
        if let Some(Err(error)) = stored {
            tracing::debug!(
                error = chain(&error),
                "could not record in the version index which modules are valid"
            );
        }
    }

    /// Compares the indexed digest of a module with its actual `digest`.
    pub(in crate::store) fn compare_digest(&mut self, hash: ModuleHash, digest: Digest) {
        let indexed = self.index.as_ref().map(|index| index.digest_of(hash));
        if let Some(Ok(Some(indexed))) = indexed
            && indexed != digest
        {
            self.faults
                .push(format!("the digest of module {hash} is {digest}"));
        }
    }

    /// Computes the facts about a module from its bytes, and compares them with the indexed facts. Does so only for a sample: the first
    /// [`FACTS_FIRST`] modules, and about one of 256 modules after them.
    pub(in crate::store) fn compare_facts(&mut self, hash: ModuleHash, bytes: &[u8]) {
        self.modules += 1;
        if self.modules > FACTS_FIRST && hash.as_bytes().first() != Some(&0) {
            return;
        }
        let indexed = self.index.as_ref().map(|index| index.facts(hash));
        if let Some(Ok(Some(indexed))) = indexed
            && let Ok(facts) = ModuleFacts::of(hash, bytes, &self.store.budget)
            && ModuleFacts::decode(&indexed).as_ref() != Some(&facts)
        {
            let fault = format!("the facts about module {hash} differ from the module");
            self.faults.push(fault);
        }
    }

    /// Compares the indexed commits with the repository. Returns the findings of all comparisons.
    pub(in crate::store) fn finish(mut self) -> IndexFindings {
        self.store_valid();
        match self.compare_commits() {
            Ok(()) => {}
            Err(Error::Index(error)) => self.faults.push(chain(&error)),
            // The caller reports faults of the repository, so this one is only logged.
            Err(error) => tracing::warn!(
                error = chain(&error),
                "could not compare the version index with the repository"
            ),
        }
        if self.faults.len() > FAULTS_MAX {
            let more = self.faults.len() - FAULTS_MAX;
            self.faults.truncate(FAULTS_MAX);
            self.faults.push(format!("{more} more"));
        }
        IndexFindings {
            faults: self.faults,
            unindexed: self.unindexed,
        }
    }

    fn compare_commits(&mut self) -> Result<()> {
        let Some(index) = &self.index else {
            return Ok(());
        };
        let indexed = index.summaries()?;
        let mut entries = CommitEntries::new(self.store);
        let mut expected: HashMap<CommitId, CommitSummary> = HashMap::new();
        for branch in self.store.branches()? {
            let Some(tip) = self.store.repo.refs().tip(&branch)? else {
                continue;
            };
            let is_compared = |id| Ok::<_, Error>(expected.contains_key(&id));
            let nodes = self
                .store
                .repo
                .objects()
                .unknown_history(tip, usize::MAX, is_compared)?;
            for node in nodes.into_iter().flatten() {
                let id = node.id;
                let commit = match entries.next(node) {
                    Err(error @ Error::NotIndexed { .. }) => {
                        // An earlier version may have added the commit. Its entry cannot be compared, and neither can the later ones.
                        if !indexed.contains_key(&id) {
                            self.unindexed.push((branch, error));
                        }
                        break;
                    }
                    commit => commit?,
                };
                let summary = CommitSummary::new(&commit, |parent| expected.get(&parent))?;
                if indexed
                    .get(&commit.id)
                    .is_some_and(|indexed| *indexed != summary)
                {
                    self.faults.push(format!(
                        "the entry of commit {} differs from the repository",
                        commit.id
                    ));
                }
                expected.insert(commit.id, summary);
            }
        }
        Ok(())
    }
}
