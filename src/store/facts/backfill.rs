//! Computes the facts about modules that the version index lacks, and adds them to it.

use std::ops::ControlFlow;
use std::sync::PoisonError;

use super::record::{FactsEncoder, ModuleFacts};
use crate::index::FactsEntry;
use crate::names::{ModuleHash, ModuleRef};
use crate::repo;
use crate::store::error::{Error, Result};
use crate::store::open::Store;
use crate::store::revision::Revision;

/// The number of modules whose facts are written to the index in one transaction. If the process ends, the work of at most one transaction
/// is lost.
const STEP: u32 = 64;

impl Store {
    /// Returns the hash of the module that `name` refers to in the tree at `revision`, and the facts about the module, such as its imports,
    /// exports and sizes. Computes the facts if the index does not have them.
    ///
    /// # Errors
    /// The tree does not have the module.
    pub fn facts(
        &self,
        revision: &Revision,
        name: &ModuleRef,
    ) -> Result<(ModuleHash, ModuleFacts)> {
        let hash = self.hash(revision, name)?;
        Ok((hash, self.facts_of(hash)?))
    }

    /// Returns the facts about a module. The caller has found `hash` in a tree or in a list of versions. If the index cannot be used,
    /// computes the facts each time.
    ///
    /// # Errors
    /// The module cannot be read.
    pub fn facts_of(&self, hash: ModuleHash) -> Result<ModuleFacts> {
        let stored = without_index_error(self.with_index(|index| Ok(index.facts(hash)?)));
        let stored = stored.flatten();
        if let Some(facts) = stored.as_deref().and_then(ModuleFacts::decode) {
            return Ok(facts);
        }
        let facts = self.compute_facts(hash)?;
        let entry = [(hash, Some(FactsEncoder::new().entry(&facts)))];
        without_index_error(self.with_index(|index| Ok(index.add_facts(&entry)?)));
        Ok(facts)
    }

    /// Returns whether the index has the facts about a module.
    pub(in crate::store) fn has_facts(&self, hash: ModuleHash) -> bool {
        let has_facts = self.with_index(|index| Ok(index.has_facts(hash)?));
        without_index_error(has_facts).unwrap_or(false)
    }

    /// Computes the facts that the index lacks. After each step, calls `progress` with the number of modules that still lack facts, and
    /// stops if `progress` returns `Break`. Returns whether the index has all facts.
    pub(in crate::store) fn index_facts(
        &self,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<bool> {
        let _facts_guard = self
            .facts_lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (mut encoder, mut previous) = (None, Vec::new());
        loop {
            let hashes = self.with_index(|index| Ok(index.modules_without_facts(STEP)?))?;
            // If the same modules still lack facts, another process keeps resetting the index, or the index does not store facts. Another
            // attempt would not help.
            if hashes.is_empty() || hashes == previous {
                return Ok(hashes.is_empty());
            }
            let mut entries = Vec::new();
            for hash in &hashes {
                match self.compute_facts(*hash) {
                    // Stores no facts for this module, because a later attempt may succeed.
                    Err(Error::WitBusy(_)) => {}
                    computed => {
                        let encoder = encoder.get_or_insert_with(FactsEncoder::new);
                        entries.push((*hash, readable_entry(*hash, computed, encoder)));
                    }
                }
            }
            let missing = self.with_index(|index| {
                index.add_facts(&entries)?;
                Ok(index.count_without_facts()?)
            })?;
            if progress(missing).is_break() {
                return Ok(missing == 0);
            }
            previous = hashes;
        }
    }

    /// Adds the commit that `revision` resolves to, with its ancestors and all missing facts, to the version index.
    ///
    /// # Errors
    /// As for [`catch_up`](Self::catch_up).
    pub fn complete_facts(&self, revision: &Revision) -> Result<()> {
        // A missing store is read as an empty one. It has no index, and a read must not create one.
        if self.object_format().is_none() {
            return Ok(());
        }
        self.catch_up(revision)?;
        let count = |missing: u64| usize::try_from(missing).unwrap_or(usize::MAX);
        let all = self.with_index(|index| Ok(count(index.count_without_facts()?)))?;
        let report = &mut |missing| {
            if let Some(progress) = &self.progress {
                progress(all.saturating_sub(count(missing)), all);
            }
            ControlFlow::Continue(())
        };
        self.index_facts(report).map(drop)
    }

    /// Adds to the index the facts that uploads to this process have collected, for the modules whose commits are in the index.
    pub(in crate::store) fn index_pending_facts(&self) -> Result<()> {
        let (mut encoder, mut entries) = (None, Vec::new());
        for hash in self.pending_facts.hashes() {
            if let Some(facts) = self.pending_facts.take(hash) {
                match ModuleFacts::complete(facts, || self.blob(hash)) {
                    Ok(facts) => {
                        let encoder = encoder.get_or_insert_with(FactsEncoder::new);
                        entries.push((hash, Some(encoder.entry(&facts))));
                    }
                    // The index worker computes these facts from the blob later.
                    Err(Error::WitBusy(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        if entries.is_empty() {
            return Ok(());
        }
        self.with_index(|index| Ok(index.add_facts(&entries)?))
    }

    fn compute_facts(&self, hash: ModuleHash) -> Result<ModuleFacts> {
        match self.pending_facts.take(hash) {
            Some(facts) => ModuleFacts::complete(facts, || self.blob(hash)),
            None => ModuleFacts::of(hash, &self.blob(hash)?, &self.budget),
        }
    }

    /// Returns the bytes of a module. Unlike [`bytes`](Self::bytes), does not cache them, because the cache is for the modules that clients
    /// read.
    fn blob(&self, hash: ModuleHash) -> Result<Vec<u8>> {
        let missing = || repo::Error::Missing {
            id: hash.to_string(),
        };
        Ok(self.repo.objects().blob(hash)?.ok_or_else(missing)?)
    }
}

/// Returns the index entry for a module; `None` if the module cannot be read, because `gc` removed it or the store is damaged.
fn readable_entry(
    hash: ModuleHash,
    computed: Result<ModuleFacts>,
    encoder: &mut FactsEncoder,
) -> Option<FactsEntry> {
    let computed = computed.inspect_err(|error| {
        tracing::debug!(%hash, error = repo::chain(error), "a module has no facts");
    });
    Some(encoder.entry(&computed.ok()?))
}

/// Converts an error of the index to `None` and logs it. Such an error does not matter here, because the facts can be computed from the
/// blob.
fn without_index_error<T>(result: Result<T>) -> Option<T> {
    result
        .inspect_err(|error| {
            tracing::debug!(
                error = repo::chain(error),
                "facts are used without the index"
            );
        })
        .ok()
}
