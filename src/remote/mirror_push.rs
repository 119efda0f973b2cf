//! One push to a mirror.

use std::time::{Duration, Instant};

use super::error::{Error, Result};
use super::mirror::{Mirror, Mirrors, lock};
use super::mirror_state::{MirrorState, now_ms, ref_tips};
use crate::git::MirrorPushResult;
use crate::names::MirrorName;
use crate::store::MirrorLock;

/// The interval at which a running push, or the lock of a mirror, is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The store's refs are read again after this many times the duration of the last read.
const REF_READ_PAUSE_FACTOR: u32 = 10;

impl Mirrors {
    /// Pushes to a mirror now, even if it is in sync, after pushes of other processes to it have ended. `tick` is called repeatedly.
    ///
    /// # Errors
    /// `UnknownMirror`, `MirrorBusy`; the repository cannot be reached, rejects the push, or is not from this store.
    pub fn push_to_mirror(&self, name: &MirrorName, tick: &mut dyn FnMut()) -> Result<()> {
        let mirror = self.find(name)?;
        let deadline = Instant::now() + self.limits.push_timeout;
        loop {
            if let Some(lock) = self.store.lock_mirror(name, Duration::ZERO)? {
                return self.push_locked(&mirror, &lock, tick);
            }
            if Instant::now() >= deadline {
                return Err(Error::MirrorBusy(name.clone()));
            }
            std::thread::sleep(POLL_INTERVAL);
            tick();
        }
    }

    /// Pushes to a mirror whose lock is held, and saves the result in its state file.
    pub(super) fn push_locked(
        &self,
        mirror: &Mirror,
        _: &MirrorLock,
        tick: &mut dyn FnMut(),
    ) -> Result<()> {
        let mut state = MirrorState::load(&self.store, mirror);
        let pushed = self.attempt(mirror, &mut state, tick);
        let is_removed = matches!(pushed, Err(Error::MirrorRemoved(_)));
        if let Err(error) = &pushed
            && !is_removed
        {
            let text = crate::store::chain(error);
            state.record_failure(mirror.url.redact(&text).into_owned(), now_ms());
        }
        self.count(mirror, &pushed);
        if !is_removed {
            state.save(&self.store, mirror);
        }
        pushed
    }

    fn count(&self, mirror: &Mirror, pushed: &Result<()>) {
        let mut all = lock(&self.counts);
        let counts = all.entry(mirror.name.clone()).or_default();
        match pushed {
            Ok(()) => counts.succeeded += 1,
            Err(_) => counts.failed += 1,
        }
    }

    fn attempt(
        &self,
        mirror: &Mirror,
        state: &mut MirrorState,
        tick: &mut dyn FnMut(),
    ) -> Result<()> {
        let store = &*self.store;
        let start_ms = now_ms();
        let refs = ref_tips(store)?;
        state.compare(store, &refs, start_ms)?;
        // Saved before the push, so that `mirror status` reports during the push since when the mirror is behind.
        state.save(store, mirror);
        // `mirror` may be a copy from before the repository was checked.
        if !self.find(&mirror.name)?.is_checked {
            state.refs = Some(self.check(mirror, tick)?);
            self.mark_checked(mirror)?;
            state.compare(store, &refs, start_ms)?;
            state.save(store, mirror);
        }
        let mut next = state.after_push(&refs, start_ms);
        match self.run_push(mirror, &mut next, tick)? {
            MirrorPushResult::Complete => {
                next.compare(store, &ref_tips(store)?, now_ms())?;
                next.success_ms = Some(now_ms());
                *state = next;
                Ok(())
            }
            MirrorPushResult::Incomplete { accepted, error } => {
                state.record_accepted(&refs, &accepted);
                state.compare(store, &ref_tips(store)?, now_ms())?;
                Err(Error::git_remote(&mirror.url)(error))
            }
        }
    }

    /// Runs git. If refs of the store move during the push, records in `next` since when the mirror has been behind.
    fn run_push(
        &self,
        mirror: &Mirror,
        next: &mut MirrorState,
        tick: &mut dyn FnMut(),
    ) -> Result<MirrorPushResult> {
        let mut push = self
            .git
            .push_to_mirror(mirror.name.as_str(), &mirror.url, self.limits.push_timeout)
            .map_err(Error::git_remote(&mirror.url))?;
        let mut next_read = Instant::now() + POLL_INTERVAL;
        loop {
            if let Some(pushed) = push.wait(POLL_INTERVAL) {
                return Ok(pushed);
            }
            tick();
            if !self.is_current(mirror) {
                return Err(Error::MirrorRemoved(mirror.name.clone()));
            }
            if Instant::now() >= next_read {
                let read_start = Instant::now();
                next.compare(&self.store, &ref_tips(&self.store)?, now_ms())?;
                let pause = read_start.elapsed() * REF_READ_PAUSE_FACTOR;
                next_read = Instant::now() + POLL_INTERVAL.max(pause);
            }
        }
    }
}
