//! The authority over the refs of a repository: who decides whether a ref moves.
//!
//! In a store on one disk, the files of the refs decide ([`LocalRefs`]). If several machines share a store, a manifest in a bucket decides,
//! and each machine's repository is a copy of it that follows: see `follow/`. Such a repository never moves a ref before the authority has
//! moved it, so everything that a reader finds in it is durable in the bucket.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::names::{BranchName, ObjectId, RefName};
use crate::repo::error::Result;

/// A requested update of a ref. It creates the ref if `old` is `None`, and deletes it if `new` is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefUpdate {
    /// The ref's name.
    pub name: RefName,
    /// The ref's value when the update was decided.
    pub old: Option<ObjectId>,
    /// The requested value.
    pub new: Option<ObjectId>,
}

/// The name of a pack that machines share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackKey {
    /// The generation on which the pack was built.
    pub generation: u64,
    /// The checksum at the end of the pack, in hex. git names a pack by it.
    pub checksum: String,
    /// The size of the pack and its index, in bytes.
    pub size_bytes: u64,
}

/// The two files of a pack (gitformat-pack(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackFiles {
    /// The checksum at the end of the pack, in hex.
    pub checksum: String,
    /// The pack.
    pub pack: PathBuf,
    /// Its index, in version 2.
    pub index: PathBuf,
}

/// The refs of a generation: a large base that generations share, and the refs that have changed since.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SharedRefs {
    /// The base.
    pub base: Arc<BTreeMap<RefName, ObjectId>>,
    /// The refs that differ from the base; `None` for a ref that was deleted.
    pub changed: BTreeMap<RefName, Option<ObjectId>>,
}

impl SharedRefs {
    /// Returns the value of a ref; `None` if it does not exist.
    pub fn get(&self, name: &RefName) -> Option<ObjectId> {
        match self.changed.get(name) {
            Some(value) => *value,
            None => self.base.get(name).copied(),
        }
    }

    /// Returns all refs, not sorted.
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

    /// Sets a ref, or deletes it.
    pub fn set(&mut self, name: RefName, value: Option<ObjectId>) {
        if self.base.get(&name).copied() == value {
            self.changed.remove(&name);
        } else {
            self.changed.insert(name, value);
        }
    }
}

/// A change that was applied on behalf of a request, which may be sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedRequest {
    /// The id of the request.
    pub id: String,
    /// The generation of the swap that applied the change. A [`Swap`] leaves it at 0; the authority sets it.
    pub generation: u64,
    /// The tip of the change's first ref before the change; `None` if the ref did not exist.
    pub before: Option<ObjectId>,
    /// The tip afterwards.
    pub after: Option<ObjectId>,
}

/// The identity of a request that may be sent again, to the same server or to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId {
    /// A random text.
    pub id: String,
    /// A generation from before the request was sent for the first time.
    pub since: u64,
    /// Whether this process gets the request only once, so that it has not applied it before.
    pub is_sent_once: bool,
}

/// The refs and packs of a repository that several machines share, at one generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedState {
    /// The number of swaps so far.
    pub generation: u64,
    /// The random id of the swap that made this state. Two states of one generation differ in it, for example after the bucket was restored
    /// from a backup.
    pub batch: String,
    /// Packs that were built on an earlier generation than this and that are not in `packs` may be deleted at any time.
    pub floor: u64,
    /// Branches, tags and the registry ref.
    pub refs: SharedRefs,
    /// The default branch.
    pub head: BranchName,
    /// The packs, which contain everything that the refs reach.
    pub packs: Arc<Vec<PackKey>>,
    /// The URL of the server that made the last swap; `None` if no server has made one.
    pub writer: Option<String>,
    /// The last changes that were applied for a request with an id.
    pub requests: Arc<Vec<AppliedRequest>>,
    /// `requests` has every such change that was applied after this generation. Whether an older request was applied is not known.
    pub requests_since: u64,
}

/// A change of the shared state: all of it happens, or nothing.
#[derive(Clone, Debug, Default)]
pub struct Swap {
    /// The updates of refs.
    pub updates: Vec<RefUpdate>,
    /// The new default branch; `None` if it stays.
    pub head: Option<BranchName>,
    /// The packs to add.
    pub added: Vec<PackFiles>,
    /// The checksums of the packs to remove. Everything that a ref reaches is in other packs.
    pub removed: Vec<String>,
    /// The new floor; `None` if it stays.
    pub floor: Option<u64>,
    /// The requests whose changes this swap applies.
    pub requests: Vec<AppliedRequest>,
}

/// How recent a state must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// If this process made the last swap that it knows of, its own state will do: a swap finds out whether that is so.
    LastSwap,
    /// The state at this moment.
    Current,
}

/// Decides over the refs of a repository. All methods block.
pub trait Authority: Send + Sync {
    /// Returns whether other machines share the refs. Then an object is durable once it is in a pack of the shared state, and the files in
    /// the repository are copies.
    fn is_shared(&self) -> bool;

    /// Returns the state that the repository has to follow, at least of generation `at_least`; `None` if nothing has to be followed.
    ///
    /// # Errors
    /// `Unreachable`; the state cannot be read.
    fn state(&self, at_least: u64, freshness: Freshness) -> Result<Option<Arc<SharedState>>>;

    /// Copies a pack and its index into the two files.
    ///
    /// # Errors
    /// `Missing` if the pack does not exist, because it was removed from the state; `Unreachable`; a file cannot be written.
    fn fetch(&self, key: &PackKey, to: &PackFiles) -> Result<()>;

    /// Makes a pack durable that a later swap will add, so that the swap is short.
    ///
    /// # Errors
    /// `Unreachable`; the pack cannot be read.
    fn keep(&self, pack: &PackFiles) -> Result<()>;

    /// Makes a swap on top of the state of generation `base`. Returns the state afterwards; `None` if another process made a swap first,
    /// or if a ref does not have its old value.
    ///
    /// # Errors
    /// `Unconfirmed` if it is unknown whether the swap was made; after any other error it was not made.
    fn swap(&self, base: u64, swap: &Swap) -> Result<Option<Arc<SharedState>>>;

    /// Deletes the packs below the floor that the state does not have. Returns how many were deleted.
    ///
    /// # Errors
    /// `Unreachable`.
    fn sweep(&self) -> Result<usize>;

    /// Returns whether this process made the last swap that it knows of. Then it has the duties that one process at a time has: mirrors
    /// and roll-ups. Always true on one disk.
    fn is_last_writer(&self) -> bool;

    /// Takes over the duties of the last writer, with a swap that changes nothing else. Does nothing if another process than `former` has
    /// them by now. Returns whether this process has them.
    ///
    /// # Errors
    /// As for [`swap`](Self::swap).
    fn claim(&self, former: Option<&str>) -> Result<bool>;

    /// Returns what was counted since the process started; `None` on one disk.
    fn counters(&self) -> Option<AuthorityCounters>;
}

/// What was counted for one kind of request to an authority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestCount {
    /// All requests.
    pub requests: u64,
    /// The failed ones. A response that a condition is not satisfied, or that an object does not exist, is not a failure.
    pub errors: u64,
    /// The sum of their durations.
    pub duration: Duration,
}

/// The counters of an authority since the process started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthorityCounters {
    /// The requests of each kind, with its name.
    pub requests: Vec<(&'static str, RequestCount)>,
    /// Uploaded bytes, without headers.
    pub uploaded_bytes: u64,
    /// Downloaded bytes, without headers.
    pub downloaded_bytes: u64,
    /// Swaps that this process made.
    pub swaps: u64,
    /// Swaps that were not made, because another process made one first.
    pub conflicts: u64,
    /// Swaps whose result stayed unknown.
    pub unconfirmed: u64,
    /// The last failed request: its reason and time.
    pub last_error: Option<(String, SystemTime)>,
    /// The time of the last request that did not fail.
    pub last_success: Option<SystemTime>,
}

/// The authority of a store on one disk: the files of the refs, which `refs/update.rs` compares and swaps. Nothing has to be followed, and
/// what was fsynced is durable.
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

    fn sweep(&self) -> Result<usize> {
        Ok(0)
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
