//! The threads of a server that push every change of the store to every mirror.
//!
//! Each mirror has its own thread, so that a mirror that does not respond does not delay the others. Several servers may serve one store.
//! Then the server that holds a mirror's lock pushes to the mirror. When the others get the lock, they see that the mirror is in sync.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::error::{Error, Result};
use super::mirror::{Mirror, Mirrors};
use super::mirror_push::{MirrorListing, REPEAT_INTERVAL};
use super::mirror_state::{MirrorState, StoreRefs, now_ms};
use crate::names::MirrorName;
use crate::store::chain;

/// The interval at which the configuration is checked for new mirrors, if the file system does not report that it has changed.
const LIST_INTERVAL: Duration = Duration::from_secs(2);

/// The shortest interval at which the store's refs are read, if the file system does not report that they have changed.
const REF_INTERVAL: Duration = Duration::from_secs(2);

/// The interval at which the store's refs are read is at least this many times the duration of the last read.
const REF_READ_PAUSE_FACTOR: u32 = 20;

/// The shortest time between the starts of two pushes to a mirror.
const PUSH_INTERVAL: Duration = Duration::from_secs(1);

/// The maximum of the random delay before the first failed push is repeated. The maximum doubles with each further failure, up to
/// [`DELAY_MAX`].
const DELAY_FIRST: Duration = Duration::from_millis(250);

/// The longest delay before a failed push is repeated, however many pushes have failed.
const DELAY_MAX: Duration = Duration::from_secs(5);

/// The shortest delay before a failed push is repeated.
const DELAY_MIN: Duration = Duration::from_millis(50);

impl Mirrors {
    /// Pushes every change of the store to every mirror, including mirrors that are added later. Never returns.
    pub fn run_workers(self: Arc<Self>) {
        let wake = self.store.watch_refs();
        let mut threads = BTreeMap::<MirrorName, JoinHandle<()>>::new();
        let mut is_failing = false;
        loop {
            threads.retain(|_, thread| !thread.is_finished());
            match self.list() {
                Ok(mirrors) => {
                    is_failing = false;
                    for mirror in mirrors {
                        if !threads.contains_key(&mirror.name) {
                            let name = mirror.name.clone();
                            threads.extend(self.start(mirror).map(|thread| (name, thread)));
                        }
                    }
                }
                Err(error) => {
                    if !std::mem::replace(&mut is_failing, true) {
                        tracing::warn!(error = chain(&error), "cannot list the mirrors; retrying");
                    }
                    thread::sleep(LIST_INTERVAL);
                }
            }
            wake.wait(LIST_INTERVAL);
            thread::sleep(LIST_INTERVAL / 20);
        }
    }

    fn start(self: &Arc<Self>, mirror: Mirror) -> Option<JoinHandle<()>> {
        let mirrors = Arc::clone(self);
        let name = mirror.name.clone();
        let thread = thread::Builder::new().name(format!("mirror {name}"));
        let started = thread.spawn(move || mirrors.run_worker(&mirror));
        started
            .inspect_err(|error| {
                tracing::warn!(mirror = %name, %error, "cannot start the thread of a mirror");
            })
            .ok()
    }

    /// Pushes every change of the store to one mirror until the mirror is removed.
    fn run_worker(&self, mirror: &Mirror) {
        tracing::info!(mirror = %mirror.name, url = %mirror.url, "pushing to the mirror");
        let wake = self.store.watch_refs();
        let mut failures = PushFailures::default();
        let mut listing = MirrorListing::WhenDue;
        while self.is_current(mirror) {
            let start = Instant::now();
            let pushed = self.push_if_needed(mirror, listing);
            listing = match pushed {
                // As long as another server pushes to the mirror, the refs in this server's state file are not up to date, so they must be
                // listed before the next push.
                Ok(PushOutcome::NotOurs) => MirrorListing::Always,
                Ok(PushOutcome::Pushed) => MirrorListing::WhenDue,
                _ => listing,
            };
            match pushed {
                Ok(PushOutcome::InSync) => {
                    failures.end(mirror);
                    wake.wait(REF_INTERVAL.max(start.elapsed() * REF_READ_PAUSE_FACTOR));
                }
                Ok(PushOutcome::Locked | PushOutcome::NotOurs) => thread::sleep(PUSH_INTERVAL / 5),
                Ok(PushOutcome::Pushed) => {
                    failures.end(mirror);
                    thread::sleep(PUSH_INTERVAL.saturating_sub(start.elapsed()));
                }
                Err(Error::MirrorRemoved(_)) => {}
                Err(error) => thread::sleep(failures.delay_after(mirror, &error)),
            }
        }
        tracing::info!(mirror = %mirror.name, "stopped pushing to the mirror");
    }

    fn push_if_needed(&self, mirror: &Mirror, listing: MirrorListing) -> Result<PushOutcome> {
        if !self.store.authority().is_last_writer() {
            return Ok(PushOutcome::NotOurs);
        }
        if listing == MirrorListing::WhenDue && !self.needs_push(mirror)? {
            return Ok(PushOutcome::InSync);
        }
        // `follow` reads the current state of the bucket. Without it, a server that was suspended, or that does not reach the bucket, could
        // overwrite the mirror with refs that other servers have replaced.
        self.store.follow()?;
        if !self.store.authority().is_last_writer() {
            return Ok(PushOutcome::NotOurs);
        }
        let Some(lock) = self.store.lock_mirror(&mirror.name, Duration::ZERO)? else {
            return Ok(PushOutcome::Locked);
        };
        // Checks again whether a push is needed, because the process that held the lock before may have pushed everything.
        if listing == MirrorListing::WhenDue && !self.needs_push(mirror)? {
            return Ok(PushOutcome::InSync);
        }
        self.push_locked(mirror, &lock, listing, &mut || {})?;
        Ok(PushOutcome::Pushed)
    }

    /// Returns whether the mirror is behind, or may be behind: its refs are unknown, the last push failed, or the last success is older
    /// than [`REPEAT_INTERVAL`].
    fn needs_push(&self, mirror: &Mirror) -> Result<bool> {
        let mut state = MirrorState::load(&self.store, mirror);
        let now = now_ms();
        state.compare(&self.store, &StoreRefs::read(&self.store)?, now)?;
        let age_ms = now.abs_diff(state.success_ms.unwrap_or(0));
        let is_old = u128::from(age_ms) >= REPEAT_INTERVAL.as_millis();
        Ok(state.behind_since_ms().is_some() || state.failures > 0 || is_old)
    }
}

/// The outcome of one iteration of a mirror's thread, unless it failed.
enum PushOutcome {
    /// The mirror is in sync; nothing was pushed.
    InSync,
    /// Another process holds the mirror's lock.
    Locked,
    /// Another server made the last write to the store in the bucket. That server pushes to the mirror.
    NotOurs,
    /// A push succeeded.
    Pushed,
}

/// The number of failed pushes in a row. The first failure is logged as a warning, and the first success after it at level info.
#[derive(Default)]
struct PushFailures {
    count: u32,
}

impl PushFailures {
    /// Resets the number of failed pushes to 0. If it was not 0, logs that pushing works again. Called after a successful push, and when
    /// the mirror is in sync.
    fn end(&mut self, mirror: &Mirror) {
        if self.count > 0 {
            let (name, failures) = (&mirror.name, self.count);
            tracing::info!(mirror = %name, failures, "pushing to the mirror works again");
        }
        self.count = 0;
    }

    /// Counts a failure, and returns the delay before the next push: a random fraction of an upper bound that doubles with each failure.
    fn delay_after(&mut self, mirror: &Mirror, error: &Error) -> Duration {
        let error = chain(error);
        if self.count == 0 {
            tracing::warn!(mirror = %mirror.name, error, "cannot push to the mirror; retrying");
        } else {
            tracing::debug!(mirror = %mirror.name, error, "cannot push to the mirror");
        }
        let doubled = DELAY_FIRST * (1 << self.count.min(16));
        self.count = self.count.saturating_add(1);
        // The hash is a random number, because each `RandomState` has random keys. The standard library has no other source of randomness.
        let random = RandomState::new().build_hasher().finish();
        let fraction = (random >> 11) as f64 / (1_u64 << 53) as f64;
        doubled.min(DELAY_MAX).mul_f64(fraction).max(DELAY_MIN)
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
        let mut failures = PushFailures::default();
        let delays: Vec<_> = (0..200)
            .map(|_| failures.delay_after(&mirror, &Error::NoGit))
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
