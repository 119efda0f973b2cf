//! Deletes the packs and snapshots that the manifest no longer needs.

use std::collections::HashSet;

use super::handle::Bucket;
use super::{packs, snapshot};
use crate::repo::Result;

impl Bucket {
    /// Deletes every object that the manifest does not name if the generation in its key is below the floor. Returns the number of deleted
    /// packs.
    ///
    /// The manifest is read before the keys are listed. A key that a later manifest names is not below this floor, because swaps do not add
    /// keys below the floor, and the floor never falls. So a process that was suspended between reading and deleting does no harm.
    pub(super) fn delete_unnamed(&self) -> Result<usize> {
        let known = self.read().map_err(|failure| self.read_error(failure))?;
        let named: HashSet<_> = known.state.packs.iter().map(packs::key).collect();
        let mut unnamed = Vec::new();
        for (key, _) in self.listed(packs::PREFIX)? {
            let is_below = packs::generation_of(&key, packs::PREFIX)
                .is_some_and(|number| number < known.state.floor);
            let stem = key.rsplit_once('.').map_or(key.as_str(), |(stem, _)| stem);
            if is_below && !named.contains(stem) {
                unnamed.push(key);
            }
        }
        let packs = unnamed.iter().filter(|key| key.ends_with(".pack")).count();
        for (key, _) in self.listed(snapshot::PREFIX)? {
            let number = packs::generation_of(&key, snapshot::PREFIX);
            let is_below = number.is_some_and(|number| number < known.state.floor);
            if is_below && known.manifest.snapshot.as_ref() != Some(&key) {
                unnamed.push(key);
            }
        }
        let deleted = self.client.delete_all(&unnamed);
        deleted.map_err(|failure| self.unreachable(failure.reason()))?;
        Ok(packs)
    }

    pub(super) fn listed(&self, prefix: &str) -> Result<Vec<(String, u64)>> {
        let listed = self.client.list(prefix);
        listed.map_err(|failure| self.unreachable(failure.reason()))
    }
}

#[cfg(test)]
mod tests;
