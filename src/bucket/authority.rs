//! Implements [`Authority`] for a bucket: the values of the refs are those in the bucket's [`Manifest`](super::manifest::Manifest).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Instant;

use super::handle::Bucket;
use super::manifest::is_request_id;
use super::packs::{self, TransferError};
use super::state::{KnownManifest, next_manifest, updated_refs};
use crate::repo::{
    Authority, AuthorityCounters, Error, Freshness, PackFiles, PackKey, Result, SharedState, Swap,
};

/// The maximum number of uploaded packs whose keys this process remembers until a [`Swap`] adds them to the manifest.
const KEPT_COUNT_MAX: usize = 10_000;

impl Bucket {
    fn lock_kept(&self) -> MutexGuard<'_, HashMap<String, PackKey>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Uploads a pack and returns its key. If this process has uploaded the pack before, returns the earlier key instead, unless its
    /// generation is below `floor`: an object with such a key may be deleted at any time.
    fn upload(&self, files: &PackFiles, generation: u64, floor: u64) -> Result<PackKey> {
        let kept = self.lock_kept().get(&files.checksum).cloned();
        if let Some(key) = kept.filter(|key| key.generation >= floor) {
            return Ok(key);
        }
        let key = self.upload_new(files, generation)?;
        let mut kept = self.lock_kept();
        if kept.len() >= KEPT_COUNT_MAX {
            // A pack whose key is forgotten here is uploaded again when a swap adds it.
            kept.clear();
        }
        kept.insert(files.checksum.clone(), key.clone());
        Ok(key)
    }

    /// Uploads a pack under a key that starts with `generation`. Returns the key, which includes the size of the pack and its index in
    /// bytes.
    pub(super) fn upload_new(&self, files: &PackFiles, generation: u64) -> Result<PackKey> {
        let mut key = PackKey {
            generation,
            checksum: files.checksum.clone(),
            size_bytes: 0,
        };
        let name = packs::key(&key);
        let uploaded = self.client.put_pack(&name, files);
        key.size_bytes = uploaded.map_err(|error| match error {
            // For an upload, `NotFound` means that the bucket itself does not exist.
            TransferError::Request(failure) => self.unreachable(failure.reason()),
            file => self.transfer_error(file, files, &name),
        })?;
        Ok(key)
    }

    /// Returns an error if the swap would make an invalid manifest: if a request id is invalid, or if the new [`floor`](SharedState::floor)
    /// is above `base`, the generation before the swap.
    fn check_swap(&self, base: u64, swap: &Swap) -> Result<()> {
        let reject = |reason: &str| {
            Err(Error::Database {
                action: format!("make a swap in {}", self.url()),
                source: reason.to_owned().into(),
            })
        };
        if swap
            .requests
            .iter()
            .any(|request| !is_request_id(&request.id))
        {
            return reject(
                "the id of a request is not 1 to 128 characters of ASCII without spaces",
            );
        }
        if swap.floor.is_some_and(|floor| floor > base) {
            return reject("the floor is above the generation");
        }
        Ok(())
    }

    /// Uploads the packs that a [`Swap`] adds, and returns their keys. Skips a pack that the state already has, unless the swap removes it.
    fn upload_added(&self, known: &KnownManifest, swap: &Swap) -> Result<Vec<PackKey>> {
        let floor = swap.floor.unwrap_or(0).max(known.state.floor);
        let removed: HashSet<_> = swap.removed.iter().collect();
        let existing = known.state.packs.iter().map(|pack| &pack.checksum);
        let mut seen: HashSet<_> = existing
            .filter(|checksum| !removed.contains(checksum))
            .collect();
        let added = swap
            .added
            .iter()
            .filter(|files| seen.insert(&files.checksum));
        added
            .map(|files| self.upload(files, known.state.generation, floor))
            .collect()
    }

    /// Tries to apply the [`Swap`] (an atomic change of the shared state) to the state `known`. `last` is the time of this process's
    /// previous swap. Returns `None` if a ref does not have the old value that the swap expects, or if another process made a swap first.
    /// The caller holds the lock `swapping`.
    fn swap_on(
        &self,
        known: &KnownManifest,
        swap: &Swap,
        last: Option<Instant>,
    ) -> Result<Option<Arc<KnownManifest>>> {
        self.check_swap(known.state.generation, swap)?;
        let Some(refs) = updated_refs(&known.state.refs, swap) else {
            return Ok(None);
        };
        let added = self.upload_added(known, swap)?;
        let next = next_manifest(known, swap, refs, added, self.options.writer.clone());
        let text = self.checked_text(&next.manifest)?;
        if let Some((key, snapshot)) = &next.snapshot {
            let uploaded = self.client.put_text(key, snapshot.clone());
            uploaded.map_err(|failure| self.unreachable(failure.reason()))?;
        }
        if let Some(rest) =
            last.and_then(|last| self.options.swap_interval.checked_sub(last.elapsed()))
        {
            std::thread::sleep(rest);
        }
        let result = self.swap_manifest(known, &next, text)?;
        if result.is_some() {
            let floor = next.manifest.floor;
            let mut kept = self.lock_kept();
            swap.added
                .iter()
                .for_each(|files| drop(kept.remove(&files.checksum)));
            kept.retain(|_, key| key.generation >= floor);
        }
        Ok(result)
    }
}

impl Authority for Bucket {
    fn is_shared(&self) -> bool {
        true
    }

    fn state(&self, at_least: u64, freshness: Freshness) -> Result<Option<Arc<SharedState>>> {
        if let (Freshness::LastSwap, Some(known)) = (freshness, self.known())
            && known.state.generation >= at_least
            && self.is_own(&known)
        {
            return Ok(Some(known.state.clone()));
        }
        let known = self.read().map_err(|failure| self.read_error(failure))?;
        if known.state.generation < at_least {
            let reason = format!(
                "it is at generation {}, but it has been at generation {at_least} before",
                known.state.generation
            );
            return Err(self.unreachable(&reason));
        }
        Ok(Some(known.state.clone()))
    }

    fn fetch(&self, key: &PackKey, to: &PackFiles) -> Result<()> {
        let name = packs::key(key);
        let fetched = self.client.get_pack(&name, to);
        let bytes = fetched.map_err(|error| self.transfer_error(error, to, &name))?;
        if bytes == key.size_bytes {
            return Ok(());
        }
        Err(Error::Database {
            action: format!("read {name} of {}", self.url()),
            source: format!(
                "the pack and its index have {bytes} bytes instead of {}",
                key.size_bytes
            )
            .into(),
        })
    }

    fn keep(&self, pack: &PackFiles) -> Result<()> {
        let known = match self.known() {
            Some(known) => known,
            None => self.read().map_err(|failure| self.read_error(failure))?,
        };
        self.upload(pack, known.state.generation, known.state.floor)
            .map(drop)
    }

    fn swap(&self, base: u64, swap: &Swap) -> Result<Option<Arc<SharedState>>> {
        let mut last = self.swapping.lock().unwrap_or_else(PoisonError::into_inner);
        let known = match self.known() {
            Some(known) if known.state.generation >= base => known,
            _ => self.read().map_err(|failure| self.read_error(failure))?,
        };
        if known.state.generation != base {
            return Ok(None);
        }
        let result = self.swap_on(&known, swap, *last);
        *last = Some(Instant::now());
        result.map(|known| known.map(|known| known.state.clone()))
    }

    fn known_generation(&self) -> u64 {
        self.known().map_or(0, |known| known.state.generation)
    }

    fn sweep(&self) -> Result<usize> {
        self.delete_unnamed()
    }

    fn known_writer(&self) -> Option<String> {
        self.known()?.state.writer.clone()
    }

    fn is_last_writer(&self) -> bool {
        let writer = &self.options.writer;
        let known = self.known();
        writer.is_some() && known.is_some_and(|known| known.state.writer == *writer)
    }

    fn claim(&self, former: Option<&str>) -> Result<bool> {
        let known = self.read().map_err(|failure| self.read_error(failure))?;
        let writer = known.state.writer.as_deref();
        if self.options.writer.is_none() || writer != former {
            return Ok(self.is_last_writer());
        }
        let swapped = self.swap(known.state.generation, &Swap::default())?;
        Ok(swapped.is_some())
    }

    fn counters(&self) -> Option<AuthorityCounters> {
        Some(self.client.counters.read())
    }
}

#[cfg(test)]
mod tests;
