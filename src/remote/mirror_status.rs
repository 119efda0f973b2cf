//! How far behind the mirrors are.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::error::Result;
use super::mirror::{Mirror, Mirrors, PushCounts, lock};
use super::mirror_state::{Refs, State, now_ms, refs_of};

/// How a mirror stands.
#[derive(Clone, Debug)]
pub struct MirrorStatus {
    /// The mirror.
    pub mirror: Mirror,
    /// Whether it has what the store has.
    pub sync: SyncState,
    /// When a push succeeded for the last time, whoever pushed.
    pub last_success: Option<SystemTime>,
    /// When a push failed for the last time, and why, without secrets.
    pub last_error: Option<(SystemTime, String)>,
    /// How many pushes failed since the last that succeeded.
    pub failures: u32,
    /// How often this process has pushed.
    pub counts: PushCounts,
}

/// Whether a mirror has what the store has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncState {
    /// It has every branch and tag, and no other.
    InSync,
    /// The oldest change that it has not is so old.
    Behind(Duration),
    /// What it has is not known, and has not been for so long.
    Unknown(Duration),
}

impl SyncState {
    /// How old the oldest change is that the mirror has not, or how long nothing is known.
    pub fn lag(self) -> Duration {
        match self {
            Self::InSync => Duration::ZERO,
            Self::Behind(lag) | Self::Unknown(lag) => lag,
        }
    }
}

impl Mirrors {
    /// How each mirror stands, compared with the branches and tags that the store has now. Nobody is asked for that.
    ///
    /// # Errors
    /// The store cannot be read; git fails.
    pub fn statuses(&self) -> Result<Vec<MirrorStatus>> {
        let mirrors = self.list()?;
        if mirrors.is_empty() {
            return Ok(Vec::new());
        }
        let refs = refs_of(&self.store)?;
        let status = |mirror: Mirror| self.status(mirror, &refs);
        mirrors.into_iter().map(status).collect()
    }

    fn status(&self, mirror: Mirror, refs: &Refs) -> Result<MirrorStatus> {
        let loaded = State::load(&self.store, &mirror);
        let mut state = loaded.clone();
        let now = now_ms();
        state.observe(&self.store, refs, now)?;
        if state != loaded {
            self.keep_observed(&mirror, refs, now);
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
            last_success: state.success_ms.map(time),
            last_error: state.error.map(|error| (time(error.ms), error.text)),
            failures: state.failures,
            counts: counts.unwrap_or_default(),
        })
    }

    /// Keeps since when something is missing, where no push does: who asks next is told the same.
    fn keep_observed(&self, mirror: &Mirror, refs: &Refs, now_ms: u64) {
        let Ok(Some(_lock)) = self.store.lock_mirror(&mirror.name, Duration::ZERO) else {
            return;
        };
        let mut state = State::load(&self.store, mirror);
        if state.observe(&self.store, refs, now_ms).is_ok() {
            state.save(&self.store, mirror);
        }
    }
}

fn time(ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(ms)
}
