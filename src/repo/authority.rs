//! The authority of a repository: the component that decides whether a ref moves.
//!
//! In a store on one disk, the refs on disk are the authority ([`LocalRefs`]). If several machines share a store, a manifest in a bucket is
//! the authority, and the repository of each machine is a copy that is updated from it: see `follow/`. Such a repository never moves a ref
//! before the authority has moved it, so everything that a reader finds in it is durable in the bucket.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::names::{BranchName, ObjectId, RefName};
use crate::repo::error::Result;

/// A requested update of a ref. It creates the ref if `old` is `None`, and deletes it if `new` is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefUpdate {
    /// The full name of the ref.
    pub name: RefName,
    /// The value that the ref must still have; `None` if it must not exist.
    pub old: Option<ObjectId>,
    /// The new value; `None` deletes the ref.
    pub new: Option<ObjectId>,
}

/// The identity of a pack in a [`SharedState`], the state of a store that several machines share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackKey {
    /// The generation (see [`SharedState::generation`]) of the shared state on which the pack was built.
    pub generation: u64,
    /// The checksum at the end of the pack, in hex. git uses it as the name of the pack.
    pub checksum: String,
    /// The total size of the pack and its index, in bytes.
    pub size_bytes: u64,
}

/// The two files of a pack (gitformat-pack(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackFiles {
    /// The checksum at the end of the pack, in hex.
    pub checksum: String,
    /// The path of the pack.
    pub pack: PathBuf,
    /// The path of the pack's index file, in format version 2.
    pub index: PathBuf,
}

/// The refs of the shared state at one generation: a large base map that many generations share, and the refs that have changed since.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SharedRefs {
    /// All refs at an earlier generation.
    pub base: Arc<BTreeMap<RefName, ObjectId>>,
    /// The refs that differ from `base`, with their current values; `None` for a ref that was deleted.
    pub changed: BTreeMap<RefName, Option<ObjectId>>,
}

impl SharedRefs {
    /// Returns the current value of a ref; `None` if the ref does not exist.
    pub fn get(&self, name: &RefName) -> Option<ObjectId> {
        match self.changed.get(name) {
            Some(value) => *value,
            None => self.base.get(name).copied(),
        }
    }

    /// Returns all refs with their current values, not sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&RefName, ObjectId)> {
        let base = self.base.iter();
        let base = base.filter(|(name, _)| !self.changed.contains_key(*name));
        let changed = self.changed.iter();
        let changed = changed.filter_map(|(name, value)| Some((name, (*value)?)));
        base.map(|(name, id)| (name, *id)).chain(changed)
    }

    /// Returns the number of refs.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Returns whether there is no ref.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Sets the value of a ref, or removes the ref if `value` is `None`. Changes only this map.
    pub fn set(&mut self, name: RefName, value: Option<ObjectId>) {
        if self.base.get(&name).copied() == value {
            self.changed.remove(&name);
        } else {
            self.changed.insert(name, value);
        }
    }
}

/// The record of a change that was applied for a request with an id. If the request is sent again, the change is not applied again. A record
/// without tips says that the change was refused, and must not be applied later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedRequest {
    /// The id of the request, as in [`RequestId`].
    pub id: String,
    /// The first generation (version number, see [`SharedState::generation`]) of the shared state that contains the change. In a [`Swap`]
    /// it is 0, because the authority sets it when it makes the swap.
    pub generation: u64,
    /// The tip of the change's first ref before the change; `None` if the ref did not exist.
    pub before: Option<ObjectId>,
    /// The tip of the change's first ref after the change; `None` if the ref does not exist then.
    pub after: Option<ObjectId>,
}

impl AppliedRequest {
    /// Returns the record of a request whose change is not applied and must not be applied later.
    pub(crate) fn excluded(request: &RequestId) -> Self {
        Self {
            id: request.id.clone(),
            generation: 0,
            before: None,
            after: None,
        }
    }

    /// Returns whether this is such a record. A change that was applied has a tip after it.
    pub(crate) fn is_excluded(&self) -> bool {
        self.before.is_none() && self.after.is_none()
    }
}

/// What is known for good about a request that several servers may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestEnd {
    /// The change of the request was applied.
    Applied,
    /// The change of the request was not applied, and no server will apply it later.
    Excluded,
}

/// The identity of a request that may be handled more than once: a server forwards it to another server and, if the result of that is
/// unknown, handles it itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId {
    /// A random text, chosen by the server that forwards the request.
    pub id: String,
    /// The number of a generation (version) of the shared state that existed before the request was sent for the first time.
    pub since: u64,
    /// Whether this process receives the request only once. If so, only another process can have applied the change of the request before.
    pub is_sent_once: bool,
}

/// The refs and packs of a repository that several machines share, at one generation (version number).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedState {
    /// The number of swaps (see [`Swap`]) that led to this state.
    pub generation: u64,
    /// The random id of the swap that made this state. Two states with the same `generation` can differ, for example after the bucket was
    /// restored from a backup; then their ids differ.
    pub batch: String,
    /// The first generation whose packs are protected: a pack of a lower generation that is not in `packs` may be deleted at any time.
    pub floor: u64,
    /// All branches and tags, and the ref of the OCI registry.
    pub refs: SharedRefs,
    /// The default branch.
    pub head: BranchName,
    /// The packs, which together contain everything that the refs reach.
    pub packs: Arc<Vec<PackKey>>,
    /// The URL of the server that made the last [`Swap`]; `None` if no server made it.
    pub writer: Option<String>,
    /// The most recent changes that were applied for a request with an id.
    pub requests: Arc<Vec<AppliedRequest>>,
    /// The generation after which `requests` is complete: it lists every request that was applied in a later generation. Whether an earlier
    /// request was applied is not known.
    pub requests_since: u64,
}

/// An atomic change of the shared state: it is applied completely or not at all.
#[derive(Clone, Debug, Default)]
pub struct Swap {
    /// The refs to create, move or delete.
    pub updates: Vec<RefUpdate>,
    /// The new default branch; `None` keeps the current one.
    pub head: Option<BranchName>,
    /// The packs to add.
    pub added: Vec<PackFiles>,
    /// The checksums of the packs to remove. Every object that a ref reaches must be in the other packs.
    pub removed: Vec<String>,
    /// The new [`SharedState::floor`]; `None` keeps the current one.
    pub floor: Option<u64>,
    /// The requests that have an id and whose changes this swap applies.
    pub requests: Vec<AppliedRequest>,
}

/// How recent a shared state must be when it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// The last state that this process knows is recent enough if this process made that state with a swap (an atomic change); then no
    /// request to the bucket is needed. If another process has made a swap since then, the next swap of this process fails, and so detects
    /// it.
    LastSwap,
    /// The current state, which the authority must read again.
    Current,
}

/// The component that decides whether the refs of a repository move. All methods block.
pub trait Authority: Send + Sync {
    /// Returns whether several machines share the repository. If so, an object is durable once it is in a pack of the shared state, and the
    /// files in the repository are copies.
    fn is_shared(&self) -> bool;

    /// Returns the shared state, to which the repository must be updated. Its generation is at least `at_least`. Returns `None` in a store
    /// on one disk.
    ///
    /// # Errors
    /// `Unreachable`; the state cannot be read.
    fn state(&self, at_least: u64, freshness: Freshness) -> Result<Option<Arc<SharedState>>>;

    /// Downloads a pack and its index to the two files `to`.
    ///
    /// # Errors
    /// `Missing` if the pack does not exist, because it was removed from the shared state; `Unreachable`; a file cannot be written.
    fn fetch(&self, key: &PackKey, to: &PackFiles) -> Result<()>;

    /// Makes a pack durable in advance, so that the later [`Swap`] that adds the pack takes less time.
    ///
    /// # Errors
    /// `Unreachable`; the pack cannot be read.
    fn keep(&self, pack: &PackFiles) -> Result<()>;

    /// Applies a [`Swap`] to the shared state whose generation (version number) is `base`. Returns the new state; `None` if another process
    /// has made a swap first, or if a ref is not at the `old` value of its update.
    ///
    /// # Errors
    /// `Unconfirmed` if it is not known whether the swap was made. After any other error it was not made.
    fn swap(&self, base: u64, swap: &Swap) -> Result<Option<Arc<SharedState>>>;

    /// Returns the generation of the newest state that this process has read or made, without a request; 0 if there is none.
    fn known_generation(&self) -> u64;

    /// Deletes the packs in the bucket whose generation is below the [`floor`](SharedState::floor) and that the shared state does not
    /// contain. Returns the number of deleted packs.
    ///
    /// # Errors
    /// `Unreachable` if the bucket does not answer.
    fn sweep(&self) -> Result<usize>;

    /// Returns the URL of the server that made the newest state that this process has read or made, without a request; `None` if no server
    /// made it, or in a store on one disk.
    fn known_writer(&self) -> Option<String>;

    /// Returns whether this process made the last swap that it knows of. Such a process does the work that only one process may do at a
    /// time: it updates mirrors and rolls up packs. Always true in a store on one disk.
    fn is_last_writer(&self) -> bool;

    /// Makes this process the last writer, with a swap that changes nothing else, so that it does the work of the last writer from now on.
    /// Does nothing if the last writer is no longer `former`. Returns whether this process is the last writer afterwards.
    ///
    /// # Errors
    /// The errors of [`swap`](Self::swap).
    fn claim(&self, former: Option<&str>) -> Result<bool>;

    /// Returns the numbers of requests, transferred bytes and swaps since the process started; `None` in a store on one disk.
    fn counters(&self) -> Option<AuthorityCounters>;
}

/// The counters of one kind of request to an authority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestCount {
    /// The number of all requests.
    pub requests: u64,
    /// The number of failed requests. A response that a condition such as `If-Match` does not hold, or that an object does not exist, is
    /// not a failure.
    pub errors: u64,
    /// The total duration of all requests.
    pub duration: Duration,
}

/// The counters of the requests that an [`Authority`] has sent since the process started, for example to a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthorityCounters {
    /// The counters of each kind of request, with the name of the kind.
    pub requests: Vec<(&'static str, RequestCount)>,
    /// The number of uploaded bytes, without headers.
    pub uploaded_bytes: u64,
    /// The number of downloaded bytes, without headers.
    pub downloaded_bytes: u64,
    /// The number of swaps (atomic changes of the shared state, see [`Swap`]) that this process made.
    pub swaps: u64,
    /// The number of swaps (atomic changes of the shared state) that were not made, because another process made a swap first.
    pub conflicts: u64,
    /// The number of attempted swaps (atomic changes of the shared state) for which it is unknown whether they were made.
    pub unconfirmed: u64,
    /// The error text and the time of the last failed request.
    pub last_error: Option<(String, SystemTime)>,
    /// The time of the last successful request.
    pub last_success: Option<SystemTime>,
}

/// The authority of a store on one disk: the refs on disk, which `refs/update.rs` moves by compare-and-swap. There is no other state to
/// copy, and whatever was fsynced is durable.
pub(crate) struct LocalRefs;

impl Authority for LocalRefs {
    fn is_shared(&self) -> bool {
        false
    }

    fn state(&self, _at_least: u64, _freshness: Freshness) -> Result<Option<Arc<SharedState>>> {
        Ok(None)
    }

    fn fetch(&self, _key: &PackKey, _to: &PackFiles) -> Result<()> {
        Ok(())
    }

    fn keep(&self, _pack: &PackFiles) -> Result<()> {
        Ok(())
    }

    fn swap(&self, _base: u64, _swap: &Swap) -> Result<Option<Arc<SharedState>>> {
        Ok(None)
    }

    fn known_generation(&self) -> u64 {
        0
    }

    fn sweep(&self) -> Result<usize> {
        Ok(0)
    }

    fn known_writer(&self) -> Option<String> {
        None
    }

    fn is_last_writer(&self) -> bool {
        true
    }

    fn claim(&self, _former: Option<&str>) -> Result<bool> {
        Ok(true)
    }

    fn counters(&self) -> Option<AuthorityCounters> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refs_that_return_to_their_base_are_no_longer_changed() {
        let name = |name: &str| RefName::parse(name).unwrap();
        let id = |digit: &str| ObjectId::parse(&digit.repeat(40)).unwrap();
        let mut refs = SharedRefs {
            base: Arc::new(BTreeMap::from([(name("refs/heads/a"), id("1"))])),
            changed: BTreeMap::new(),
        };
        refs.set(name("refs/heads/a"), None);
        refs.set(name("refs/heads/b"), Some(id("2")));
        assert_eq!((refs.get(&name("refs/heads/a")), refs.len()), (None, 1));
        assert_eq!(refs.get(&name("refs/heads/b")), Some(id("2")));
        refs.set(name("refs/heads/a"), Some(id("1")));
        refs.set(name("refs/heads/b"), None);
        assert!(refs.changed.is_empty(), "{:?}", refs.changed);
        assert!(!refs.is_empty());
    }
}
