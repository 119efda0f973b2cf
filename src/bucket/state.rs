//! The manifest that this process knows, and the manifest that the next swap writes.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use object_store::UpdateVersion;
use ring::rand::{SecureRandom as _, SystemRandom};

use super::manifest::{HISTORY_COUNT, Manifest, REQUESTS_COUNT, hex};
use super::snapshot;
use crate::names::{ObjectId, RefName};
use crate::repo::{AppliedRequest, PackKey, SharedRefs, SharedState, Swap};

/// The maximum number of refs in a manifest. If there would be more, the swap moves all refs to a new snapshot.
const CHANGED_COUNT_MAX: usize = 1000;

/// The maximum size of all `ref` lines of a manifest, in bytes. If they would be larger, the swap moves all refs to a new snapshot. The
/// name of a ref has up to 1,024 bytes, so the number of refs alone does not limit the size.
const CHANGED_BYTES_MAX: usize = 96 << 10;

/// A manifest that this process has read or written, with its version in the bucket and the state that it describes.
#[derive(Debug)]
pub(super) struct KnownManifest {
    pub(super) manifest: Manifest,
    pub(super) version: UpdateVersion,
    pub(super) state: Arc<SharedState>,
}

impl KnownManifest {
    pub(super) fn new(
        manifest: Manifest,
        version: UpdateVersion,
        base: Arc<BTreeMap<RefName, ObjectId>>,
    ) -> Self {
        let state = SharedState {
            generation: manifest.generation,
            batch: manifest.batch.clone(),
            floor: manifest.floor,
            refs: SharedRefs {
                base,
                changed: manifest.changed.clone(),
            },
            head: manifest.head.clone(),
            packs: manifest.packs.clone(),
            writer: manifest.writer.clone(),
            requests: manifest.requests.clone(),
            requests_since: manifest.requests_since,
        };
        Self {
            manifest,
            version,
            state: Arc::new(state),
        }
    }
}

/// The manifest that a swap writes to the bucket, with the refs of its snapshot.
pub(super) struct NextManifest {
    pub(super) manifest: Manifest,
    /// The refs of the snapshot that the manifest names.
    pub(super) base: Arc<BTreeMap<RefName, ObjectId>>,
    /// The snapshot to upload before the manifest: its key and text.
    pub(super) snapshot: Option<(String, String)>,
}

/// Returns the refs after the updates of a swap; `None` if a ref does not have the old value of its update.
pub(super) fn updated_refs(refs: &SharedRefs, swap: &Swap) -> Option<SharedRefs> {
    let mut refs = refs.clone();
    for update in &swap.updates {
        if refs.get(&update.name) != update.old {
            return None;
        }
        refs.set(update.name.clone(), update.new);
    }
    Some(refs)
}

/// Returns the manifest of the state after a swap.
pub(super) fn next_manifest(
    known: &KnownManifest,
    swap: &Swap,
    refs: SharedRefs,
    added: Vec<PackKey>,
    writer: Option<String>,
) -> NextManifest {
    let old = &known.manifest;
    let removed: HashSet<&str> = swap.removed.iter().map(String::as_str).collect();
    let mut packs: Vec<_> = old
        .packs
        .iter()
        .filter(|pack| !removed.contains(pack.checksum.as_str()))
        .cloned()
        .collect();
    packs.extend(added);
    let generation = old.generation + 1;
    let (requests, requests_since) = next_requests(old, swap, generation);
    let mut batches = old.batches.clone();
    batches.push(old.batch.clone());
    batches.drain(..batches.len().saturating_sub(HISTORY_COUNT));
    let (base, changed, snapshot) = fold(known, refs);
    let key = snapshot
        .as_ref()
        .map(|(key, _): &(String, String)| key.clone());
    let manifest = Manifest {
        generation,
        batch: random_hex::<16>(),
        writer: writer.or_else(|| old.writer.clone()),
        head: swap.head.clone().unwrap_or_else(|| old.head.clone()),
        floor: swap.floor.unwrap_or(0).max(old.floor),
        snapshot: key.or_else(|| old.snapshot.clone()),
        changed,
        packs: Arc::new(packs),
        requests: Arc::new(requests),
        requests_since,
        batches,
        store: old.store.clone(),
        peer_key: old.peer_key.clone(),
        object_format: old.object_format,
    };
    NextManifest {
        manifest,
        base,
        snapshot,
    }
}

/// Returns the applied requests that the next manifest names, including those of `swap`, and the manifest's `requests_since`: it names all
/// requests that were applied after this generation. `generation` is the generation of the next manifest.
fn next_requests(old: &Manifest, swap: &Swap, generation: u64) -> (Vec<AppliedRequest>, u64) {
    let mut requests = old.requests.to_vec();
    requests.retain(|old| swap.requests.iter().all(|new| new.id != old.id));
    requests.extend(swap.requests.iter().map(|request| AppliedRequest {
        generation,
        ..request.clone()
    }));
    let forgotten = requests.drain(..requests.len().saturating_sub(REQUESTS_COUNT));
    let newest = forgotten.map(|request| request.generation).max();
    let since = old.requests_since.max(newest.unwrap_or(0));
    (requests, since)
}

/// The refs of the snapshot, the refs that differ from it, and the key and text of a new snapshot that must be uploaded.
type Folded = (
    Arc<BTreeMap<RefName, ObjectId>>,
    BTreeMap<RefName, Option<ObjectId>>,
    Option<(String, String)>,
);

/// Returns `refs` as a snapshot and the refs that differ from it. Makes a new snapshot of all refs if too many differ from the current one;
/// otherwise leaves `refs` as they are.
fn fold(known: &KnownManifest, refs: SharedRefs) -> Folded {
    let line_bytes = |name: &RefName| name.to_string().len() + 70;
    let changed_bytes: usize = refs.changed.keys().map(line_bytes).sum();
    if refs.changed.len() <= CHANGED_COUNT_MAX && changed_bytes <= CHANGED_BYTES_MAX {
        return (refs.base, refs.changed, None);
    }
    let text = snapshot::encode(refs.iter());
    let key = snapshot::key(known.manifest.generation, &text);
    let base = refs.iter().map(|(name, id)| (name.clone(), id)).collect();
    (Arc::new(base), BTreeMap::new(), Some((key, text)))
}

/// Returns the hex digits of `N` random bytes.
pub(super) fn random_hex<const N: usize>() -> String {
    let mut bytes = [0; N];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.expect("BUG: the operating system has random numbers");
    hex(&bytes)
}
