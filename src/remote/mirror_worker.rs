//! Keeping mirrors equal to the store, for as long as a server lives.
//!
//! Each mirror has a thread of its own, so that one that hangs holds up no other. Servers on the same store take turns: whoever has
//! the mirror's lock pushes, and the others then see that there is nothing left to push.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::error::{Error, Result};
use super::mirror::{Mirror, Mirrors};
use super::mirror_state::{State, now_ms, refs_of};
use crate::names::MirrorName;
use crate::store::chain;

/// How often the configuration is looked at for other mirrors, where the file system does not tell of a change.
const LIST_POLL: Duration = Duration::from_secs(2);

/// How often branches and tags are looked at, where the file system does not tell of a change,
const POLL: Duration = Duration::from_secs(2);

/// and how many times as long as that takes there is none.
const POLL_SHARE: u32 = 20;

/// The least time between the beginnings of two pushes.
const PUSH_INTERVAL: Duration = Duration::from_secs(1);

/// After what time a mirror is pushed to though nothing has changed: somebody else may have moved what is there.
const PUSH_ANYWAY: Duration = Duration::from_secs(300);

/// How long is waited at most after the first push that failed; then twice as long each time,
const DELAY_FIRST: Duration = Duration::from_millis(250);

/// up to this.
const DELAY_MAX: Duration = Duration::from_secs(5);

/// The least time between a push that failed and the next.
const DELAY_MIN: Duration = Duration::from_millis(50);

impl Mirrors {
    /// Pushes every change to every mirror, those that are added later included, for as long as the process lives.
    pub fn run_workers(self: Arc<Self>) {
        let wake = self.store.wake();
        let mut threads = BTreeMap::<MirrorName, JoinHandle<()>>::new();
        let mut is_told = false;
        loop {
            threads.retain(|_, thread| !thread.is_finished());
            match self.list() {
                Ok(mirrors) => {
                    is_told = false;
                    for mirror in mirrors {
                        if !threads.contains_key(&mirror.name) {
                            let name = mirror.name.clone();
                            threads.extend(self.start(mirror).map(|thread| (name, thread)));
                        }
                    }
                }
                Err(error) => {
                    if !std::mem::replace(&mut is_told, true) {
                        tracing::warn!(error = chain(&error), "mirrors cannot be listed");
                    }
                    thread::sleep(LIST_POLL);
                }
            }
            wake.wait(LIST_POLL);
            thread::sleep(LIST_POLL / 20);
        }
    }

    fn start(self: &Arc<Self>, mirror: Mirror) -> Option<JoinHandle<()>> {
        let mirrors = Arc::clone(self);
        let name = mirror.name.clone();
        let thread = thread::Builder::new().name(format!("mirror {name}"));
        let started = thread.spawn(move || mirrors.keep_one(&mirror));
        started
            .inspect_err(|error| tracing::warn!(mirror = %name, %error, "no thread for a mirror"))
            .ok()
    }

    /// Pushes to one mirror until it is removed.
    fn keep_one(&self, mirror: &Mirror) {
        tracing::info!(mirror = %mirror.name, url = %mirror.url, "pushing to a mirror");
        let wake = self.store.wake();
        let mut trouble = Trouble::default();
        while self.is_current(mirror) {
            let began = Instant::now();
            match self.turn(mirror) {
                Ok(Turn::Nothing) => {
                    trouble.is_over(mirror);
                    wake.wait(POLL.max(began.elapsed() * POLL_SHARE));
                }
                Ok(Turn::Others) => thread::sleep(PUSH_INTERVAL / 5),
                Ok(Turn::Pushed) => {
                    trouble.is_over(mirror);
                    thread::sleep(PUSH_INTERVAL.saturating_sub(began.elapsed()));
                }
                Err(Error::MirrorRemoved(_)) => {}
                Err(error) => thread::sleep(trouble.delay_after(mirror, &error)),
            }
        }
        tracing::info!(mirror = %mirror.name, "no longer pushing to a mirror");
    }

    fn turn(&self, mirror: &Mirror) -> Result<Turn> {
        if !self.needs_push(mirror)? {
            return Ok(Turn::Nothing);
        }
        let Some(lock) = self.store.lock_mirror(&mirror.name, Duration::ZERO)? else {
            return Ok(Turn::Others);
        };
        // Who had the lock may have pushed it.
        if !self.needs_push(mirror)? {
            return Ok(Turn::Nothing);
        }
        let pushed = self.push_locked(mirror, &lock, &mut || {});
        pushed.map(|()| Turn::Pushed)
    }

    /// Whether the mirror lacks something, or may.
    fn needs_push(&self, mirror: &Mirror) -> Result<bool> {
        let mut state = State::load(&self.store, mirror);
        let now = now_ms();
        state.observe(&self.store, &refs_of(&self.store)?, now)?;
        let age_ms = now.abs_diff(state.success_ms.unwrap_or(0));
        let is_old = u128::from(age_ms) >= PUSH_ANYWAY.as_millis();
        Ok(state.behind_since_ms().is_some() || state.failures > 0 || is_old)
    }
}

/// What was done for a mirror.
enum Turn {
    /// It lacks nothing.
    Nothing,
    /// Another process pushes to it.
    Others,
    /// It was pushed to.
    Pushed,
}

/// Pushes that failed one after another. It is told once that they do, and once that they do no longer.
#[derive(Default)]
struct Trouble {
    failures: u32,
}

impl Trouble {
    fn is_over(&mut self, mirror: &Mirror) {
        if self.failures > 0 {
            let (name, failures) = (&mirror.name, self.failures);
            tracing::info!(mirror = %name, failures, "the mirror is pushed to again");
        }
        self.failures = 0;
    }

    /// Notes a failure, and says how long to wait: a random part of a time that doubles.
    fn delay_after(&mut self, mirror: &Mirror, error: &Error) -> Duration {
        let error = chain(error);
        match self.failures {
            0 => {
                tracing::warn!(mirror = %mirror.name, error, "cannot push to the mirror; trying on")
            }
            _ => tracing::debug!(mirror = %mirror.name, error, "cannot push to the mirror"),
        }
        let doubled = DELAY_FIRST * (1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        // A hasher is made with random keys.
        let random = RandomState::new().build_hasher().finish();
        let part = (random >> 11) as f64 / (1_u64 << 53) as f64;
        doubled.min(DELAY_MAX).mul_f64(part).max(DELAY_MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_random_and_bounded() {
        let mirror = Mirror {
            name: "m".parse().unwrap(),
            url: "/m".parse().unwrap(),
            is_checked: true,
        };
        let mut trouble = Trouble::default();
        let delays: Vec<_> = (0..200)
            .map(|_| trouble.delay_after(&mirror, &Error::NoGit))
            .collect();
        for (nth, delay) in delays.iter().enumerate() {
            let most = DELAY_FIRST * (1 << nth.min(10));
            assert!(
                (DELAY_MIN..=most.min(DELAY_MAX)).contains(delay),
                "{nth}: {delay:?}"
            );
        }
        let late = &delays[10..];
        assert!(late.iter().any(|delay| *delay > DELAY_MAX / 2));
        assert!(late.iter().any(|delay| *delay < DELAY_MAX / 2));
    }
}
