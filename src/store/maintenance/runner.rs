//! Keeping to a schedule: waiting, the turn of one server of many, and what is remembered of it.

use std::thread;
use std::time::Duration;

use super::schedule::MaintenanceSchedule;
use super::state::{MaintenanceState, TaskState, now_ms};
use crate::repo::{self, MaintenanceLock};
use crate::store::error::Result;
use crate::store::open::Store;

/// The longest sleep: what the file tells may be another server's, and the clock may be set.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// The shortest.
const SLEEP_MIN: Duration = Duration::from_millis(100);

/// After what time is looked again whether another server is still at it.
const SLEEP_LOCKED: Duration = Duration::from_secs(1);

/// One who keeps to a schedule.
pub(in crate::store) struct Keeping<'s> {
    store: &'s Store,
    schedule: MaintenanceSchedule,
    /// What is known but could not be written: a full disk is no reason to do without, nor to do it over and over.
    unsaved: Option<MaintenanceState>,
    /// Whether it was told that nothing can be done.
    is_told: bool,
}

impl<'s> Keeping<'s> {
    /// One who keeps to this schedule of a store, and has not begun.
    pub fn to(schedule: MaintenanceSchedule, store: &'s Store) -> Self {
        Self {
            store,
            schedule,
            unsaved: None,
            is_told: false,
        }
    }

    /// Does what is due, for ever; nothing before that time is over.
    pub fn begin_after(mut self, delay: Duration) -> ! {
        // From now on the time counts of what is new.
        let expected = self.expect();
        let mut wait = self.wait_after(expected.map(|()| delay));
        loop {
            thread::sleep(wait.clamp(SLEEP_MIN, SLEEP_MAX));
            let turn = self.turn();
            wait = self.wait_after(turn);
        }
    }

    fn wait_after(&mut self, turn: Result<Duration>) -> Duration {
        turn.unwrap_or_else(|error| {
            if !std::mem::replace(&mut self.is_told, true) {
                let error = repo::chain(&error);
                tracing::warn!(error, "the store cannot be maintained; trying on");
            }
            SLEEP_MAX
        })
    }

    /// Does what is due; returns how long nothing is.
    fn turn(&mut self) -> Result<Duration> {
        self.expect()?;
        let wait = self.wait();
        if !wait.is_zero() {
            return Ok(wait);
        }
        let Some(lock) = self.store.repo.lock_maintenance()? else {
            return Ok(SLEEP_LOCKED);
        };
        // Who had the lock may have done it: each looks again.
        if let Some((every, change, history)) = self.schedule.gc.clone() {
            let collect = |store: &Store| store.collect_on_schedule(&change, history);
            self.run(&lock, "gc", every, |chores| &mut chores.gc, collect);
        }
        if let Some(every) = self.schedule.verify {
            let verify = Store::verify_on_schedule;
            self.run(&lock, "verify", every, |chores| &mut chores.verify, verify);
        }
        Ok(self.wait())
    }

    /// Does one thing if it is due, on a thread of its own: it may step back, and a panic of it ends nothing else.
    fn run(
        &mut self,
        lock: &MaintenanceLock,
        name: &'static str,
        every: Duration,
        of: impl Fn(&mut MaintenanceState) -> &mut TaskState,
        work: impl FnOnce(&Store) -> Result<Option<u64>> + Send,
    ) {
        let mut chores = self.chores();
        if !of(&mut chores).wait(now_ms(), every).is_zero() {
            return;
        }
        of(&mut chores).begin(now_ms());
        self.save(lock, chores.clone());
        tracing::info!("{name} begins, as scheduled");
        let store = self.store;
        let done = thread::scope(|scope| {
            let thread = thread::Builder::new().name(name.to_owned());
            let spawned = thread.spawn_scoped(scope, || work(store));
            let joined = spawned.map_err(|error| error.to_string())?.join();
            let done = joined.map_err(|_| "it panicked".to_owned())?;
            done.map_err(|error| repo::chain(&error))
        });
        match done {
            Ok(faults) => of(&mut chores).end(now_ms(), faults),
            Err(error) => {
                of(&mut chores).fail(now_ms());
                let retry_s = of(&mut chores).wait(now_ms(), every).as_secs();
                tracing::warn!(error, retry_s, "{name} failed, and is tried again later");
            }
        }
        self.save(lock, chores);
    }

    /// How long nothing is to be done.
    fn wait(&self) -> Duration {
        let (chores, now_ms) = (self.chores(), now_ms());
        let gc = self.schedule.gc.as_ref();
        let gc = gc.map(|(every, ..)| chores.gc.wait(now_ms, *every));
        let verify = self.schedule.verify;
        let verify = verify.map(|every| chores.verify.wait(now_ms, every));
        gc.into_iter().chain(verify).min().unwrap_or(SLEEP_MAX)
    }

    /// Notes of what is new on the schedule that it is.
    fn expect(&mut self) -> Result<()> {
        let expecting = |mut chores: MaintenanceState| {
            let now_ms = now_ms();
            if self.schedule.gc.is_some() {
                chores.gc.expect(now_ms);
            }
            if self.schedule.verify.is_some() {
                chores.verify.expect(now_ms);
            }
            chores
        };
        let chores = self.chores();
        if expecting(chores.clone()) != chores
            && let Some(lock) = self.store.repo.lock_maintenance()?
        {
            let chores = expecting(self.chores());
            self.save(&lock, chores);
        }
        Ok(())
    }

    fn chores(&self) -> MaintenanceState {
        let unsaved = self.unsaved.clone();
        unsaved.unwrap_or_else(|| self.store.maintenance_state())
    }

    fn save(&mut self, lock: &MaintenanceLock, chores: MaintenanceState) {
        let notes = serde_json::to_vec(&chores).expect("BUG: plain data is JSON");
        let saved = self.store.repo.note_maintenance(lock, &notes);
        self.unsaved = saved.err().map(|error| {
            let error = repo::chain(&error);
            tracing::debug!(error, "what is known of maintenance cannot be kept");
            chores
        });
    }
}
