//! Pushes the refs of the store to a mirror.

use std::time::{Duration, Instant};

use super::error::{Error, Result};
use super::mirror::{Mirror, Mirrors, lock};
use super::mirror_state::{MirrorState, RefTips, StoreRefs, now_ms};
use crate::git::{MirrorChange, MirrorPushResult};
use crate::names::{MirrorName, RefName};
use crate::store::MirrorLock;

/// The pause between two checks whether a running push has ended, or whether the lock of a mirror is free.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The longest time without a push to a mirror, and also the longest time without listing the mirror's refs. After this time, a push is
/// made even if the mirror seems to be in sync, because another client may have moved refs of the mirror.
pub(super) const REPEAT_INTERVAL: Duration = Duration::from_secs(300);

/// The maximum number of refs in one push. Their refspecs are command-line arguments, and the operating system limits the total length of
/// these.
const REFS_MAX: usize = 1000;

/// Whether a push first lists the refs of the mirror, or uses the refs that the mirror's state file has recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MirrorListing {
    /// The refs of the mirror are listed before every push.
    Always,
    /// The refs are listed if they are unknown, or were not listed for [`REPEAT_INTERVAL`], or if the last push failed.
    WhenDue,
}

/// During a push, the pause between two reads of the store's refs is at least this many times the duration of the last read.
const REF_READ_PAUSE_FACTOR: u32 = 10;

impl Mirrors {
    /// Pushes to a mirror, even if it is in sync. First waits until no other process pushes to it. Calls `tick` several times per second.
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

    /// Pushes to a mirror, and saves the result in the mirror's state file. The caller holds the mirror's lock.
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
        // The state is saved before the push, so that `mirror status` can report during the push how long the mirror has been behind.
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

    /// Returns the branches, tags and `refs/oci/records` of a mirror, from the state file or, if `listing` requires it, from the mirror.
    /// Checks the repository if it has not been checked yet.
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

    /// Runs git-push(1). If refs of the store move during the push, records in `next` the time since when the mirror has been behind.
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

/// Divides the changes into pushes. The ref of the OCI registry is in a push of its own, because some hosts reject a whole push if it has a
/// ref that is neither a branch nor a tag. Its push is the first, because a module without a record in that ref would be served with
/// another manifest.
fn pushes(changes: Vec<MirrorChange>) -> Vec<Vec<MirrorChange>> {
    let is_registry = |(name, _): &MirrorChange| RefName::parse(name) == Ok(RefName::Oci);
    let (registry, others): (Vec<_>, Vec<_>) = changes.into_iter().partition(is_registry);
    let all = registry.chunks(REFS_MAX).chain(others.chunks(REFS_MAX));
    all.map(<[MirrorChange]>::to_vec).collect()
}
