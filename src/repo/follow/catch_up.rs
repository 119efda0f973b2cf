//! Makes the local repository equal to the state that the authority has, for example in a bucket.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::repo::authority::{Freshness, SharedState};
use crate::repo::error::{Error, Result};
use crate::repo::following::BaseState;
use crate::repo::parts::Parts;
use crate::sharing::write_shared;

/// The file in `ROOT/wasmstore` of a local copy of a store in a bucket. It records the generation and batch id of the state to which the
/// copy was last made equal.
pub(crate) const GENERATION: &str = "generation";

/// The maximum number of attempts to make the repository equal to the shared state, the state of the store in the bucket. An attempt fails
/// if another machine removes a pack from the shared state before this machine has copied it.
const ATTEMPTS_MAX: usize = 10;

/// The maximum time that a reader waits, without a lock, for another thread of this process that has changed the shared state but has not
/// moved the local refs yet.
const OWN_SWAP_MAX: Duration = Duration::from_millis(50);
/// The pause between two checks whether the local refs were moved.
const OWN_SWAP_PAUSE: Duration = Duration::from_millis(2);

impl Parts {
    /// Makes the local packs and refs equal to the shared state, which the authority (such as a bucket) has. `freshness` says how recent
    /// that state must be. The caller holds `refs.lock`.
    ///
    /// # Errors
    /// `Unreachable`; a pack is damaged; the repository cannot be written.
    pub(crate) fn catch_up(&self, freshness: Freshness) -> Result<()> {
        let mut freshness = freshness;
        for _ in 1..ATTEMPTS_MAX {
            match self.catch_up_once(freshness) {
                // Another machine has replaced a pack since the state was read.
                Err(error) if error.is_missing_object() => freshness = Freshness::Current,
                result => return result,
            }
        }
        self.catch_up_once(freshness)
    }

    /// Returns the current shared state, unless the repository is known to be equal to it or to a later one. Takes no lock.
    ///
    /// # Errors
    /// `Unreachable`; the state cannot be read.
    pub(crate) fn newer_state(&self) -> Result<Option<Arc<SharedState>>> {
        let state = self
            .authority
            .state(self.noted_generation(), Freshness::Current)?;
        let Some(state) = state else {
            return Ok(None);
        };
        let begun = Instant::now();
        while !self.following.is_at(&state) {
            // After a swap of this process, the authority has the new state before the local refs are moved. So a newer state is reported
            // only after a short wait.
            if !self.authority.is_last_writer() || begun.elapsed() >= OWN_SWAP_MAX {
                return Ok(Some(state));
            }
            std::thread::sleep(OWN_SWAP_PAUSE);
        }
        Ok(None)
    }

    /// Makes the local packs and refs equal to a state that was read before. The caller holds `refs.lock`.
    ///
    /// # Errors
    /// As for [`catch_up`](Self::catch_up).
    pub(crate) fn follow_or_catch_up(&self, state: Arc<SharedState>) -> Result<()> {
        if self.noted_generation() > state.generation {
            return self.catch_up(Freshness::Current);
        }
        match self.follow(state) {
            // Another machine has replaced a pack since the state was read.
            Err(error) if error.is_missing_object() => self.catch_up(Freshness::Current),
            followed => followed,
        }
    }

    fn catch_up_once(&self, freshness: Freshness) -> Result<()> {
        if !self.authority.is_shared() {
            return self.check_unshared();
        }
        match self.authority.state(self.noted_generation(), freshness)? {
            Some(state) => self.follow(state),
            None => Ok(()),
        }
    }

    /// Returns an error if another process made the repository a copy of a store in a bucket after this process opened it. Since then, the
    /// manifest in the bucket, not the refs on disk, decides whether a ref moves.
    fn check_unshared(&self) -> Result<()> {
        if !self.generation_path().exists() {
            return Ok(());
        }
        Err(Error::NotAStore {
            root: self.root().to_owned(),
            reason: "it has become a copy of a store in a bucket; restart this program".to_owned(),
        })
    }

    /// Makes the local packs and refs equal to a state, unless another process has made them equal to a later one.
    pub(crate) fn follow(&self, state: Arc<SharedState>) -> Result<()> {
        let (noted, batch) = self.noted_state();
        let mut followed = self.following.lock();
        if noted > state.generation && !followed.is_doubtful {
            return Ok(());
        }
        if noted == state.generation && batch == state.batch && !followed.is_doubtful {
            followed.record(state);
            return Ok(());
        }
        let is_restored = noted == state.generation && batch != state.batch && !batch.is_empty();
        if is_restored {
            tracing::warn!(
                generation = noted,
                "the bucket was restored from a backup and has another history than this copy; the copy now gets the history of the bucket"
            );
            followed.is_doubtful = true;
        }
        let is_doubtful = followed.is_doubtful;
        let known = followed.applied.clone();
        let known = known.filter(|applied| {
            !is_doubtful && applied.generation == noted && applied.batch == batch
        });
        self.fetch_packs(&state, known.as_deref())?;
        // If one of the next steps fails, or the process is killed, the next call compares all refs.
        followed.is_doubtful = true;
        self.note_state(noted, "")?;
        self.apply_refs(&state, known.as_deref())?;
        self.note_state(state.generation, &state.batch)?;
        followed.record(state);
        Ok(())
    }

    /// Returns the generation (version number) of the shared state that this process last applied to the repository, and the id of the swap
    /// that made that state. Returns the default value if this process has applied none.
    pub(crate) fn base_state(&self) -> BaseState {
        let followed = self.following.lock();
        let applied = followed.applied.as_ref();
        applied.map_or_else(BaseState::default, |state| BaseState {
            generation: state.generation,
            batch: state.batch.clone(),
        })
    }

    /// Returns whether `base` is the current shared state, or only this process has changed the shared state since. Callers need this for a
    /// change that was refused on `base`, or that had no effect on it: such a change makes no swap (atomic change of the shared state), and
    /// only a successful swap proves that `base` was current. In a store on one disk, always returns true.
    ///
    /// # Errors
    /// `Unreachable`.
    pub(crate) fn is_confirmed(&self, base: &BaseState) -> Result<bool> {
        let Some(state) = self.authority.state(0, Freshness::Current)? else {
            return Ok(true);
        };
        let followed = self.following.lock();
        Ok(state.batch == base.batch || followed.has_made_all_swaps(base, &state))
    }

    /// Makes the next [`Self::catch_up`] compare all refs, because they may differ from the recorded state.
    pub(crate) fn doubt(&self) {
        self.following.lock().is_doubtful = true;
    }

    /// Returns the generation (version number) of the shared state to which some process last made the local refs equal, as it is recorded
    /// in a file; 0 if none is recorded.
    pub(crate) fn noted_generation(&self) -> u64 {
        self.noted_state().0
    }

    /// Returns the recorded generation (version number) of the shared state to which a process last made the refs equal, and the random id
    /// of that state; 0 and an empty text if none is recorded.
    fn noted_state(&self) -> (u64, String) {
        let noted = fs::read_to_string(self.generation_path()).unwrap_or_default();
        let (generation, batch) = noted.trim_end().split_once(' ').unwrap_or_default();
        (generation.parse().unwrap_or_default(), batch.to_owned())
    }

    /// Records in a file, for other processes, the shared state to which the refs are equal: its generation (version number) and its random
    /// id `batch`. The file is not fsynced, so after a power cut it may be newer than the refs. Then the next change of the shared state
    /// that is based on these refs fails, and all refs are compared.
    pub(crate) fn note_state(&self, generation: u64, batch: &str) -> Result<()> {
        let path = self.generation_path();
        let note = format!("{generation} {batch}\n");
        write_shared(&path, note).map_err(Error::io("write", &path))
    }

    fn generation_path(&self) -> PathBuf {
        self.own_dir().join(GENERATION)
    }
}
