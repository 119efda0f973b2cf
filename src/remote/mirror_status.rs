//! The status of each mirror: whether it is in sync with the store, or else for how long it has been behind.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::error::Result;
use super::mirror::{Mirror, Mirrors, PushCounts, lock};
use super::mirror_state::{MirrorState, StoreRefs, now_ms};

/// The status of a mirror, as `wasmstore mirror status` reports it.
#[derive(Clone, Debug)]
pub struct MirrorStatus {
    /// The configured mirror: its name, and the URL of its repository.
    pub mirror: Mirror,
    /// Whether the mirror is in sync with the store.
    pub sync: SyncState,
    /// The time of the last successful push by any process.
    pub last_success: Option<SystemTime>,
    /// The time of the last failed push, and its reason without secrets.
    pub last_error: Option<(SystemTime, String)>,
    /// The number of failed pushes since the last successful one.
    pub failures: u32,
    /// How many pushes to the mirror have succeeded and failed in this process.
    pub counts: PushCounts,
}

/// Whether a mirror is in sync with the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncState {
    /// The mirror has exactly the branches and tags of the store, and the same `refs/oci/records`.
    InSync,
    /// The mirror lacks changes of the store. The duration is the age of the oldest change that it lacks.
    Behind(Duration),
    /// The mirror's refs are unknown. The duration says how long they have been unknown.
    Unknown(Duration),
}

impl SyncState {
    /// Returns the age of the oldest change that the mirror lacks, or the time for which its refs have been unknown.
    pub fn lag(self) -> Duration {
        match self {
            Self::InSync => Duration::ZERO,
            Self::Behind(lag) | Self::Unknown(lag) => lag,
        }
    }
}

impl Mirrors {
    /// Returns the status of each mirror: compares the refs in its state file with the store's current refs. Does not connect to mirrors.
    ///
    /// # Errors
    /// The store cannot be read; git fails.
    pub fn statuses(&self) -> Result<Vec<MirrorStatus>> {
        let mirrors = self.list()?;
        if mirrors.is_empty() {
            return Ok(Vec::new());
        }
        let refs = StoreRefs::read(&self.store)?;
        let status = |mirror: Mirror| self.status(mirror, &refs);
        mirrors.into_iter().map(status).collect()
    }

    fn status(&self, mirror: Mirror, refs: &StoreRefs) -> Result<MirrorStatus> {
        let saved = MirrorState::load(&self.store, &mirror);
        let mut state = saved.clone();
        let now = now_ms();
        state.compare(&self.store, refs, now)?;
        if state != saved {
            self.save_compared(&mirror, refs, now);
        }
        let lag = |since: u64| Duration::from_millis(now.saturating_sub(since));
        let sync = match (&state.refs, state.behind_since_ms()) {
            (None, since) => SyncState::Unknown(lag(since.unwrap_or(now))),
            (Some(_), Some(since)) => SyncState::Behind(lag(since)),
            (Some(_), None) => SyncState::InSync,
        };
        let counts = lock(&self.counts).get(&mirror.name).copied();
        Ok(MirrorStatus {
            mirror,
            sync,
            last_success: state.success_ms.map(system_time),
            last_error: state.error.map(|error| (system_time(error.ms), error.text)),
            failures: state.failures,
            counts: counts.unwrap_or_default(),
        })
    }

    /// Saves the times since when refs of the mirror are behind, so that the next call reports the same times. Does nothing while a push
    /// holds the mirror's lock, because the push saves the times.
    fn save_compared(&self, mirror: &Mirror, refs: &StoreRefs, now_ms: u64) {
        let Ok(Some(_lock)) = self.store.lock_mirror(&mirror.name, Duration::ZERO) else {
            return;
        };
        let mut state = MirrorState::load(&self.store, mirror);
        if state.compare(&self.store, refs, now_ms).is_ok() {
            state.save(&self.store, mirror);
        }
    }
}

fn system_time(ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(ms)
}
