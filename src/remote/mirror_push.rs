//! Pushing to a mirror, once.

use std::time::{Duration, Instant};

use super::error::{Error, Result};
use super::mirror::{Mirror, Mirrors, lock};
use super::mirror_state::{State, now_ms, refs_of};
use crate::git::Pushed;
use crate::names::MirrorName;
use crate::store::MirrorLock;

/// How often a push is looked after.
const LOOK: Duration = Duration::from_millis(100);

/// How many times as long as a look at the refs takes there is none.
const LOOK_SHARE: u32 = 10;

impl Mirrors {
    /// Pushes to a mirror now, whether or not it lacks anything, once nobody else does. `tick` is called meanwhile.
    ///
    /// # Errors
    /// `UnknownMirror`, `Busy`; the mirror cannot be reached, refuses, or is not one of this store.
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
            std::thread::sleep(LOOK);
            tick();
        }
    }

    /// The same under the mirror's lock. What comes of it is kept.
    pub(super) fn push_locked(
        &self,
        mirror: &Mirror,
        _: &MirrorLock,
        tick: &mut dyn FnMut(),
    ) -> Result<()> {
        let mut state = State::load(&self.store, mirror);
        let pushed = self.attempt(mirror, &mut state, tick);
        let is_told = matches!(pushed, Err(Error::MirrorRemoved(_)));
        if let (Err(error), false) = (&pushed, is_told) {
            let text = crate::store::chain(error);
            let text = mirror.url.redact(&text).into_owned();
            state.note_failure(text, now_ms());
        }
        let mut counts = lock(&self.counts);
        let counts = counts.entry(mirror.name.clone()).or_default();
        match &pushed {
            Ok(()) => counts.succeeded += 1,
            Err(_) => counts.failed += 1,
        }
        if !is_told {
            state.save(&self.store, mirror);
        }
        pushed
    }

    fn attempt(&self, mirror: &Mirror, state: &mut State, tick: &mut dyn FnMut()) -> Result<()> {
        let store = &*self.store;
        let began_ms = now_ms();
        let refs = refs_of(store)?;
        state.observe(store, &refs, began_ms)?;
        // Who asks meanwhile is to know since when something is missing.
        state.save(store, mirror);
        // The one that was handed in may be of before it was checked.
        if !self.find(&mirror.name)?.is_checked {
            state.refs = Some(self.check(mirror, tick)?);
            self.mark_checked(mirror)?;
            state.observe(store, &refs, began_ms)?;
            state.save(store, mirror);
        }
        let mut next = state.if_pushed(&refs, began_ms);
        let push = self
            .git
            .push(mirror.name.as_str(), self.limits.push_timeout);
        let mut push = push.map_err(Error::git_remote(&mirror.url))?;
        let mut look_at = Instant::now() + LOOK;
        let pushed = loop {
            if let Some(pushed) = push.wait(LOOK) {
                break pushed;
            }
            tick();
            if !self.is_current(mirror) {
                return Err(Error::MirrorRemoved(mirror.name.clone()));
            }
            // What moves now is missing from now on, if this push succeeds.
            if Instant::now() >= look_at {
                let began = Instant::now();
                next.observe(store, &refs_of(store)?, now_ms())?;
                look_at = Instant::now() + LOOK.max(began.elapsed() * LOOK_SHARE);
            }
        };
        match pushed {
            Pushed::All => {
                next.observe(store, &refs_of(store)?, now_ms())?;
                next.success_ms = Some(now_ms());
                *state = next;
                Ok(())
            }
            Pushed::Part { taken, error } => {
                state.note_taken(&refs, &taken);
                state.observe(store, &refs_of(store)?, now_ms())?;
                Err(Error::git_remote(&mirror.url)(error))
            }
        }
    }
}
