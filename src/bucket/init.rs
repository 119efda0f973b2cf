//! Creates a store in a bucket.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::handle::Bucket;
use super::manifest::{Manifest, PeerKeyHex};
use super::reads::ReadFailure;
use super::request_failure::RequestFailure;
use super::snapshot;
use super::state::random_hex;
use crate::names::{BranchName, ObjectId, RefName};
use crate::repo::{Error, ObjectFormat, PackFiles, PackKey, Result, SharedState};

/// The maximum number of refs in the first manifest. If a new store has more refs, they are uploaded as a snapshot, which the manifest
/// names.
const REFS_COUNT_MAX: usize = 500;

/// The initial refs and packs of a store that is created in a bucket.
#[derive(Clone, Debug)]
pub struct NewStore {
    /// The hash function of the object ids.
    pub object_format: ObjectFormat,
    /// The default branch of the new store.
    pub head: BranchName,
    /// The refs of the new store.
    pub refs: BTreeMap<RefName, ObjectId>,
    /// Packs that contain everything that the refs reach.
    pub packs: Vec<PackFiles>,
}

impl Bucket {
    /// Creates a store in this bucket. The manifest is written last, so that readers find no store if the call is interrupted.
    ///
    /// # Errors
    /// `NotAStore` if the bucket has a manifest already; `Unreachable`; `Unconfirmed`; `Io`.
    pub fn create(&self, store: &NewStore) -> Result<Arc<SharedState>> {
        match self.read() {
            Err(ReadFailure::Absent) => {}
            Ok(known) => return Err(self.exists(&known.manifest)),
            Err(failure) => return Err(self.read_error(failure)),
        }
        let mut keys = Vec::new();
        for files in &store.packs {
            keys.push(self.upload_new(files, 0)?);
        }
        let manifest = self.first_manifest(store, keys)?;
        let text = self.checked_text(&manifest)?;
        self.put_first(&manifest, &text)
    }

    fn first_manifest(&self, store: &NewStore, keys: Vec<PackKey>) -> Result<Manifest> {
        let mut changed = BTreeMap::new();
        let mut snapshot_key = None;
        if store.refs.len() > REFS_COUNT_MAX {
            let text = snapshot::encode(store.refs.iter().map(|(name, id)| (name, *id)));
            let key = snapshot::key(0, &text);
            let uploaded = self.client.put_text(&key, text);
            uploaded.map_err(|failure| self.unreachable(failure.reason()))?;
            snapshot_key = Some(key);
        } else {
            changed = store
                .refs
                .iter()
                .map(|(name, id)| (name.clone(), Some(*id)))
                .collect();
        }
        Ok(Manifest {
            generation: 0,
            batch: random_hex::<16>(),
            store: random_hex::<16>(),
            peer_key: PeerKeyHex(random_hex::<32>()),
            writer: None,
            head: store.head.clone(),
            object_format: store.object_format,
            floor: 0,
            snapshot: snapshot_key,
            changed,
            packs: Arc::new(keys),
            requests: Arc::default(),
            requests_since: 0,
            batches: Vec::new(),
        })
    }

    /// Writes the first manifest, and then reads it from the bucket, even if the response to the write was lost. If that manifest has the
    /// random id (`batch`) of `manifest`, this process created the store. Otherwise another process created a store first.
    fn put_first(&self, manifest: &Manifest, text: &str) -> Result<Arc<SharedState>> {
        let started = Instant::now();
        let mut is_in_doubt = false;
        loop {
            let put = self.client.start_put_manifest(text, None);
            let response = self.client.block_on(put);
            let reason = match response {
                Ok(Ok(_)) => String::new(),
                Ok(Err(failure)) => {
                    is_in_doubt |= matches!(failure, RequestFailure::Unknown(_));
                    failure.reason().to_owned()
                }
                Err(error) => error.to_string(),
            };
            match self.read() {
                Ok(known) if known.manifest.contains_batch(&manifest.batch) => {
                    return Ok(known.state.clone());
                }
                Ok(known) => return Err(self.exists(&known.manifest)),
                Err(ReadFailure::Absent | ReadFailure::Unreachable(_)) => {}
                Err(failure) => return Err(self.read_error(failure)),
            }
            let timing = &self.options.timing;
            if is_in_doubt && started.elapsed() >= timing.unconfirmed {
                let source = Arc::new(self.no_response(&reason));
                return Err(Error::Unconfirmed { source });
            }
            if !is_in_doubt && started.elapsed() >= timing.unreachable {
                return Err(self.unreachable(&reason));
            }
            std::thread::sleep(timing.poll);
        }
    }

    fn exists(&self, manifest: &Manifest) -> Error {
        self.not_a_store(format!(
            "it has store {} already, at generation {}; choose another prefix",
            manifest.store, manifest.generation
        ))
    }
}

#[cfg(test)]
mod tests;
