//! One push to a mirror.

use std::time::{Duration, Instant};

use super::error::{Error, Result};
use super::mirror::{Mirror, Mirrors, lock};
use super::mirror_state::{MirrorState, RefTips, StoreRefs, now_ms};
use crate::git::{MirrorChange, MirrorPushResult};
use crate::names::{MirrorName, RefName};
use crate::store::MirrorLock;

/// The interval at which a running push, or the lock of a mirror, is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The longest time without a push to a mirror, and the longest time without listing its refs. A mirror that seems to be in sync is pushed
/// to after this time, because another client may have moved its refs.
pub(super) const REPEAT_INTERVAL: Duration = Duration::from_secs(300);

/// The maximum number of refs in one push. They are command-line arguments, whose total length is limited.
const REFS_MAX: usize = 1000;

/// The condition under which the refs of a mirror are listed before a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MirrorListing {
    /// Always.
    Always,
    /// If the refs are unknown, or were not listed for [`REPEAT_INTERVAL`], or the last push failed.
    WhenDue,
}

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
                return self.push_locked(&mirror, &lock, MirrorListing::Always, tick);
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
        listing: MirrorListing,
        tick: &mut dyn FnMut(),
    ) -> Result<()> {
        let mut state = MirrorState::load(&self.store, mirror);
        let pushed = self.attempt(mirror, &mut state, listing, tick);
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
        listing: MirrorListing,
        tick: &mut dyn FnMut(),
    ) -> Result<()> {
        let store = &*self.store;
        let start_ms = now_ms();
        let refs = StoreRefs::read(store)?;
        state.compare(store, &refs, start_ms)?;
        // Saved before the push, so that `mirror status` reports during the push since when the mirror is behind.
        state.save(store, mirror);
        let mirror_refs = self.mirror_refs(mirror, state, listing, tick)?;
        state.compare(store, &refs, start_ms)?;
        state.save(store, mirror);
        let mut next = state.after_push(&refs, start_ms);
        let (mut accepted, mut failed) = (Vec::new(), None);
        for changes in pushes(refs.changes(&mirror_refs)) {
            match self.run_push(mirror, &changes, &mut next, tick)? {
                MirrorPushResult::Complete => {
                    accepted.extend(changes.iter().map(|(name, _)| name.clone()));
                }
                MirrorPushResult::Incomplete {
                    accepted: others,
                    error,
                } => {
                    accepted.extend(others);
                    failed.get_or_insert(error);
                }
            }
        }
        match failed {
            None => {
                next.compare(store, &StoreRefs::read(store)?, now_ms())?;
                next.success_ms = Some(now_ms());
                *state = next;
                Ok(())
            }
            Some(error) => {
                state.record_accepted(&refs, &accepted);
                state.compare(store, &StoreRefs::read(store)?, now_ms())?;
                Err(Error::git_remote(&mirror.url)(error))
            }
        }
    }

    /// Returns the branches, tags and registry ref of a mirror, and lists them if required. Checks the repository if it was not checked
    /// yet.
    fn mirror_refs(
        &self,
        mirror: &Mirror,
        state: &mut MirrorState,
        listing: MirrorListing,
        tick: &mut dyn FnMut(),
    ) -> Result<RefTips> {
        let age_ms = now_ms().abs_diff(state.listed_ms.unwrap_or(0));
        let is_due = listing == MirrorListing::Always
            || state.failures > 0
            || u128::from(age_ms) >= REPEAT_INTERVAL.as_millis();
        // `mirror` may be a copy from before the repository was checked.
        let is_checked = self.find(&mirror.name)?.is_checked;
        if let Some(refs) = state.refs.clone().filter(|_| is_checked && !is_due) {
            return Ok(refs);
        }
        let refs = if is_checked {
            self.list_refs(mirror, tick)?
        } else {
            let refs = self.check(mirror, tick)?;
            self.mark_checked(mirror)?;
            refs
        };
        state.refs = Some(refs.clone());
        state.listed_ms = Some(now_ms());
        Ok(refs)
    }

    /// Runs git. If refs of the store move during the push, records in `next` since when the mirror has been behind.
    fn run_push(
        &self,
        mirror: &Mirror,
        changes: &[MirrorChange],
        next: &mut MirrorState,
        tick: &mut dyn FnMut(),
    ) -> Result<MirrorPushResult> {
        let mut push = self
            .git
            .push_to_mirror(
                mirror.name.as_str(),
                &mirror.url,
                changes,
                self.limits.push_timeout,
            )
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
                next.compare(&self.store, &StoreRefs::read(&self.store)?, now_ms())?;
                let pause = read_start.elapsed() * REF_READ_PAUSE_FACTOR;
                next_read = Instant::now() + POLL_INTERVAL.max(pause);
            }
        }
    }
}

/// Returns the changes of each push. The registry ref has a push of its own, because some hosts accept nothing but branches and tags and
/// reject the whole push. It comes first, because a module whose manifest is not recorded is served with another manifest.
fn pushes(changes: Vec<MirrorChange>) -> Vec<Vec<MirrorChange>> {
    let is_registry = |(name, _): &MirrorChange| RefName::parse(name) == Ok(RefName::Oci);
    let (registry, others): (Vec<_>, Vec<_>) = changes.into_iter().partition(is_registry);
    let all = registry.chunks(REFS_MAX).chain(others.chunks(REFS_MAX));
    all.map(<[MirrorChange]>::to_vec).collect()
}
