//! The shared state (the refs and packs of a store in a bucket) that this process last applied to its repository.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use crate::repo::authority::{AppliedRequest, RequestId, SharedState};

/// The shared state that this process last applied to the repository, and the swaps (replacements) of the bucket's manifest that it made.
/// Empty in a store on one disk.
pub(crate) struct Following {
    /// This mutex is held while the repository is made equal to a shared state, which includes the download of packs.
    followed: Mutex<Followed>,
    last: LastState,
}

/// The last shared state that was passed to [`Followed::record`]. Its mutex is never held during I/O, so threads that must not block can
/// read it.
#[derive(Clone, Default)]
struct LastState(Arc<Mutex<Option<Arc<SharedState>>>>);

impl LastState {
    fn lock(&self) -> MutexGuard<'_, Option<Arc<SharedState>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Following {
    fn default() -> Self {
        let last = LastState::default();
        let followed = Followed {
            last: last.clone(),
            ..Followed::default()
        };
        Self {
            followed: Mutex::new(followed),
            last,
        }
    }
}

/// Identifies the shared state on which a batch of changes is built. In a store on one disk, the value is always the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BaseState {
    pub generation: u64,
    /// The random id of the swap (atomic change) that made the state.
    pub batch: String,
}

/// The data of [`Following`] that its mutex protects.
#[derive(Default)]
pub(crate) struct Followed {
    /// The shared state to which this process last made the refs equal.
    pub applied: Option<Arc<SharedState>>,
    /// Whether the refs on disk may differ from the refs in the state `applied`. If so, the next update to a newer state compares all refs.
    pub is_doubtful: bool,
    /// The checksums of the packs that `applied` names.
    pub named: Arc<HashSet<String>>,
    /// The last uninterrupted series of swaps of the shared state by this process, with no swap of another process between them: the
    /// generation before its first swap, and the generation after its last swap.
    own_swaps: Option<(u64, u64)>,
    last: LastState,
}

/// Whether the change of a request was already applied.
pub(crate) enum RequestState {
    /// The change was applied.
    Applied(AppliedRequest),
    /// The change was not applied.
    New,
    /// Unknown: the change may have been applied, but the state no longer lists requests that are so old.
    Forgotten,
}

impl Followed {
    /// Records that the refs on disk are equal to `state`.
    pub(crate) fn record(&mut self, state: Arc<SharedState>) {
        let is_same = |applied: &Arc<SharedState>| Arc::ptr_eq(&applied.packs, &state.packs);
        if !self.applied.as_ref().is_some_and(is_same) {
            let names = state.packs.iter().map(|key| key.checksum.clone());
            self.named = Arc::new(names.collect());
        }
        *self.last.lock() = Some(state.clone());
        self.applied = Some(state);
        self.is_doubtful = false;
    }

    /// Records that this process replaced the bucket's manifest of generation (version number) `before`. `after` is the generation at the
    /// time when this process learned the result. It is higher than `before + 1` if other processes had replaced the manifest again by
    /// then.
    pub(crate) fn note_own_swap(&mut self, before: u64, after: u64) {
        self.own_swaps = match self.own_swaps {
            _ if after != before + 1 => None,
            Some((first, last)) if last == before => Some((first, after)),
            _ => Some((before, after)),
        };
    }

    /// Returns whether this process made all swaps of the bucket's manifest between `base` and `state`.
    pub(crate) fn has_made_all_swaps(&self, base: &BaseState, state: &SharedState) -> bool {
        let swaps = self.own_swaps;
        swaps.is_some_and(|(first, last)| first <= base.generation && last == state.generation)
    }

    /// Looks up in `applied` whether the change of a request was applied.
    pub(crate) fn find_request(&self, request: &RequestId) -> RequestState {
        let Some(state) = &self.applied else {
            return RequestState::New;
        };
        let mut requests = state.requests.iter();
        if let Some(applied) = requests.find(|applied| applied.id == request.id) {
            return RequestState::Applied(applied.clone());
        }
        let is_named = state.requests_since <= request.since;
        // If this process made all swaps since the request was sent, no other process can have applied the change.
        let is_only_writer = self.own_swaps.is_some_and(|(first, last)| {
            request.is_sent_once && first <= request.since && last == state.generation
        });
        if is_named || is_only_writer {
            RequestState::New
        } else {
            RequestState::Forgotten
        }
    }
}

impl Following {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Followed> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether the refs are known to be equal to `state` or a later one; `false` if another thread holds the mutex. Does not block.
    pub(crate) fn is_at(&self, state: &SharedState) -> bool {
        let followed = match self.followed.try_lock() {
            Ok(followed) => followed,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        let is_at = |applied: &Arc<SharedState>| {
            applied.batch == state.batch || applied.generation > state.generation
        };
        !followed.is_doubtful && followed.applied.as_ref().is_some_and(is_at)
    }

    /// Returns the state to which this process last made the refs equal. Does not block, not even while another thread makes them equal to
    /// a newer state.
    pub(crate) fn last(&self) -> Option<Arc<SharedState>> {
        self.last.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::authority::SharedRefs;

    /// Returns a state with one applied request, `named`. The state claims to list every request that was applied after the generation
    /// (version number) `since`.
    fn state(generation: u64, since: u64) -> Arc<SharedState> {
        let named = AppliedRequest {
            id: "named".to_owned(),
            generation,
            before: None,
            after: None,
        };
        Arc::new(SharedState {
            generation,
            batch: String::new(),
            floor: 0,
            refs: SharedRefs::default(),
            head: "main".parse().unwrap(),
            packs: Arc::default(),
            writer: None,
            requests: Arc::new(vec![named]),
            requests_since: since,
        })
    }

    fn find(followed: &Followed, id: &str, since: u64, is_sent_once: bool) -> &'static str {
        let request = RequestId {
            id: id.to_owned(),
            since,
            is_sent_once,
        };
        match followed.find_request(&request) {
            RequestState::Applied(_) => "applied",
            RequestState::New => "new",
            RequestState::Forgotten => "forgotten",
        }
    }

    #[test]
    fn a_request_that_is_not_named_is_new_only_if_it_cannot_be_forgotten() {
        let mut followed = Followed::default();
        assert_eq!(find(&followed, "named", 0, false), "new");
        followed.record(state(10, 7));
        assert_eq!(find(&followed, "named", 0, false), "applied");
        assert_eq!(find(&followed, "other", 7, false), "new");
        assert_eq!(find(&followed, "other", 6, true), "forgotten");
        // This process made the swaps after generation 6.
        for before in 6..10 {
            followed.note_own_swap(before, before + 1);
        }
        assert_eq!(find(&followed, "other", 6, true), "new");
        assert_eq!(find(&followed, "other", 6, false), "forgotten");
        assert_eq!(find(&followed, "other", 5, true), "forgotten");
        // Another process made the swap after generation 10.
        followed.record(state(11, 7));
        assert_eq!(find(&followed, "other", 6, true), "forgotten");
        followed.note_own_swap(11, 12);
        followed.record(state(12, 7));
        assert_eq!(find(&followed, "other", 6, true), "forgotten");
        followed.note_own_swap(12, 14);
        followed.record(state(14, 13));
        assert_eq!(find(&followed, "other", 12, true), "forgotten");
    }
}
