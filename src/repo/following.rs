//! What a process knows of the state that its repository follows.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use crate::repo::authority::{AppliedRequest, RequestId, SharedState};

/// What this process knows of the state that the repository follows.
pub(crate) struct Following {
    /// Locked while the repository is made equal to a state, which takes as long as the download of its packs.
    followed: Mutex<Followed>,
    last: LastState,
}

/// The last recorded state. Its lock is held for a moment only, so that threads that must not block can read it.
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

/// The state on which a batch decides. On one disk, always the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BaseState {
    pub generation: u64,
    /// The random id of the swap that made the state.
    pub batch: String,
}

/// See [`Following`].
#[derive(Default)]
pub(crate) struct Followed {
    /// The state to which this process last made the refs equal.
    pub applied: Option<Arc<SharedState>>,
    /// Whether the refs may differ from `applied`: then all of them are compared.
    pub is_doubtful: bool,
    /// The checksums of the packs of `applied`.
    pub named: Arc<HashSet<String>>,
    /// The last swaps of this process that no swap of another process came between: the generation before the first one, and the generation
    /// after the last one.
    own_swaps: Option<(u64, u64)>,
    last: LastState,
}

/// Whether the change of a request was applied.
pub(crate) enum RequestState {
    /// It was.
    Applied(AppliedRequest),
    /// It was not.
    New,
    /// It may have been, and forgotten since.
    Forgotten,
}

impl Followed {
    /// Records that the refs are equal to a state.
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

    /// Notes that this process made a swap on top of generation `before`. If other swaps followed before its result was known, `after` is
    /// the generation of the last of them.
    pub(crate) fn note_own_swap(&mut self, before: u64, after: u64) {
        self.own_swaps = match self.own_swaps {
            _ if after != before + 1 => None,
            Some((first, last)) if last == before => Some((first, after)),
            _ => Some((before, after)),
        };
    }

    /// Returns whether this process made all swaps between `base` and `state`.
    pub(crate) fn has_made_all_swaps(&self, base: &BaseState, state: &SharedState) -> bool {
        let swaps = self.own_swaps;
        swaps.is_some_and(|(first, last)| first <= base.generation && last == state.generation)
    }

    /// Returns whether the change of a request was applied, in the state to which the refs are equal.
    pub(crate) fn find_request(&self, request: &RequestId) -> RequestState {
        let Some(state) = &self.applied else {
            return RequestState::New;
        };
        let mut requests = state.requests.iter();
        if let Some(applied) = requests.find(|applied| applied.id == request.id) {
            return RequestState::Applied(applied.clone());
        }
        let is_named = state.requests_since <= request.since;
        // No other process can have applied it if this process made all swaps since it was sent.
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

    /// Returns whether the refs are known to be equal to this state or a later one. Does not block.
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

    /// Returns the state to which this process last made the refs equal. Does not block while it follows another one.
    pub(crate) fn last(&self) -> Option<Arc<SharedState>> {
        self.last.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::authority::SharedRefs;

    /// Returns a state that has the request `named` and every request that was applied after `since`.
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
