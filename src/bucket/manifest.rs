//! The manifest: the text format of the shared state.
//!
//! ```text
//! wasmstore-manifest 1
//! generation 12
//! batch 7f3c…                          the random id of the swap that wrote this manifest
//! store 01ab…                          the random id of the store
//! peer-key 99e0…                       the secret with which servers authenticate to each other
//! writer http://10.0.0.1:8080          the server that made the last swap, or `-`
//! head main                            the default branch
//! object-format sha1
//! floor 3                              keys of lower generations that no line names may be deleted
//! refs refs/000000000003-5d41…         the key of the snapshot, which has most refs, or `-`
//! requests-since 9                     every request that was applied after this generation has a line
//! ref 5f3a… refs/heads/main            a ref that changed since the snapshot; `-` instead of the id if it was deleted
//! pack 3 8a0f… 104857                  generation, checksum, size of pack and index in bytes
//! request 11 4be1… - 5f3a…             generation, id, tip before, tip after
//! batch-done 90bc…                     the id of an earlier swap, oldest first
//! end
//! ```
//!
//! Each state has one encoding: the lines have this order, `ref` lines are sorted by name, and nothing may be left out or added. The last
//! line reveals a truncated manifest.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::names::{BranchName, ObjectId, RefName};
use crate::repo::{AppliedRequest, ObjectFormat, PackKey};

mod parse;

pub use parse::InvalidManifest;

/// The maximum size of a manifest, in bytes. Each change of the state uploads a whole manifest, and every server downloads it.
pub const MANIFEST_BYTES_MAX: usize = 256 << 10;

/// The maximum number of earlier swaps whose ids a manifest contains.
pub const HISTORY_COUNT: usize = 128;

/// The maximum number of requests that a manifest lists as applied, so that they are not applied twice. A request is removed from the list
/// only after this many other requests were applied.
pub const REQUESTS_COUNT: usize = 512;

/// The first line of a manifest.
const FORMAT: &str = "wasmstore-manifest 1";

/// The content of the manifest: the state of a store in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The number of swaps so far. Each swap replaces the manifest.
    pub generation: u64,
    /// The id of the swap that wrote this manifest: 32 hex digits.
    pub batch: String,
    /// The id of the store: 32 hex digits.
    pub store: String,
    /// The secret that servers use to authenticate to each other.
    pub peer_key: PeerKeyHex,
    /// The URL of the server that made the last swap (an atomic replacement of the manifest); `None` if no server has made one.
    pub writer: Option<String>,
    /// The default branch.
    pub head: BranchName,
    /// The hash function of the store's ids.
    pub object_format: ObjectFormat,
    /// An object that the manifest does not name may be deleted if the generation in its key is below this one.
    pub floor: u64,
    /// The key of the snapshot of refs; `None` if all refs are in `changed`.
    pub snapshot: Option<String>,
    /// The refs that differ from the snapshot; `None` for a ref that was deleted.
    pub changed: BTreeMap<RefName, Option<ObjectId>>,
    /// The keys of the packs.
    pub packs: Arc<Vec<PackKey>>,
    /// A generation (version number) of the manifest. `requests` has every request that was applied after it; earlier requests may be
    /// missing.
    pub requests_since: u64,
    /// The last requests with an id whose changes were applied, oldest first.
    pub requests: Arc<Vec<AppliedRequest>>,
    /// The ids of the last swaps (replacements of the manifest) before the one that wrote this manifest, oldest first.
    pub batches: Vec<String>,
}

/// The secret that the servers of a bucket share, in 64 hex digits. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct PeerKeyHex(pub String);

impl fmt::Debug for PeerKeyHex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerKeyHex(***)")
    }
}

impl Manifest {
    /// Returns whether the swap (the atomic replacement of the manifest) with the id `batch` wrote this manifest or an earlier one. Returns
    /// `false` also if more than [`HISTORY_COUNT`] swaps were made after it.
    pub fn contains_batch(&self, batch: &str) -> bool {
        self.batch == batch || self.batches.iter().any(|earlier| earlier == batch)
    }

    /// Returns the text of the manifest.
    pub fn encode(&self) -> String {
        let mut lines = vec![
            FORMAT.to_owned(),
            format!("generation {}", self.generation),
            format!("batch {}", self.batch),
            format!("store {}", self.store),
            format!("peer-key {}", self.peer_key.0),
            format!("writer {}", or_dash(self.writer.as_ref())),
            format!("head {}", self.head),
            format!("object-format {}", self.object_format.as_str()),
            format!("floor {}", self.floor),
            format!("refs {}", or_dash(self.snapshot.as_ref())),
            format!("requests-since {}", self.requests_since),
        ];
        let mut refs: Vec<_> = self
            .changed
            .iter()
            .map(|(name, id)| (name.to_string(), id))
            .collect();
        refs.sort();
        lines.extend(
            refs.iter()
                .map(|(name, id)| format!("ref {} {name}", or_dash(id.as_ref()))),
        );
        lines.extend(self.packs.iter().map(|pack| {
            format!(
                "pack {} {} {}",
                pack.generation, pack.checksum, pack.size_bytes
            )
        }));
        lines.extend(self.requests.iter().map(|request| {
            let (before, after) = (
                or_dash(request.before.as_ref()),
                or_dash(request.after.as_ref()),
            );
            format!(
                "request {} {} {before} {after}",
                request.generation, request.id
            )
        }));
        lines.extend(
            self.batches
                .iter()
                .map(|batch| format!("batch-done {batch}")),
        );
        lines.push("end\n".to_owned());
        lines.join("\n")
    }

    /// Parses the text of a manifest.
    ///
    /// # Errors
    /// [`InvalidManifest`], which says what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidManifest> {
        parse::parse(bytes)
    }
}

fn or_dash(value: Option<&impl fmt::Display>) -> String {
    value.map_or_else(|| "-".to_owned(), ToString::to_string)
}

/// Returns whether a text may be the id of a request: 1 to 128 characters of ASCII without spaces, and not `-`.
pub fn is_request_id(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text != "-"
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Returns whether a text may be the URL of a writer: 1 to 512 characters of ASCII without spaces, and not `-`.
pub fn is_writer_url(text: &str) -> bool {
    (1..=512).contains(&text.len())
        && text != "-"
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Returns the bytes as lower-case hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
