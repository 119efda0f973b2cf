//! Runs scheduled maintenance tasks when they are due. Of several servers of a store, one runs them at a time.

use std::thread;
use std::time::Duration;

use super::schedule::MaintenanceSchedule;
use super::state::{MaintenanceState, TaskResult, TaskState, now_ms};
use crate::repo::{self, MaintenanceLock};
use crate::store::error::Result;
use crate::store::open::Store;

/// The longest sleep. The runner wakes up this often, because another server may change the state file, and the system clock may be
/// changed.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// The shortest sleep, so that the runner never loops without a pause.
const SLEEP_MIN: Duration = Duration::from_millis(100);

/// How long the runner sleeps while another server runs a task.
const SLEEP_LOCKED: Duration = Duration::from_secs(1);

impl Store {
    /// Runs the scheduled tasks when they are due, for as long as the process lives.
    pub fn run_maintenance(&self, mut schedule: MaintenanceSchedule) -> ! {
        let delay = schedule.randomize();
        let mut runner = MaintenanceRunner {
            store: self,
            schedule,
            unsaved: None,
            is_failing: false,
        };
        runner.run(delay)
    }

    /// Returns the state of maintenance, including tasks that other servers of the store ran.
    pub fn maintenance_state(&self) -> MaintenanceState {
        serde_json::from_slice(&self.repo.maintenance_notes()).unwrap_or_default()
    }

    /// Saves the state of maintenance in the store.
    pub(super) fn save_maintenance_state(
        &self,
        lock: &MaintenanceLock,
        state: &MaintenanceState,
    ) -> repo::Result<()> {
        let json = serde_json::to_vec(state).expect("BUG: plain data is JSON");
        self.repo.note_maintenance(lock, &json)
    }
}

/// Runs the tasks of a schedule.
struct MaintenanceRunner<'s> {
    store: &'s Store,
    schedule: MaintenanceSchedule,
    /// The current state, if it could not be saved. It is used instead of the saved state: on a full disk, the runner would otherwise read
    /// an older state again and again, and repeat the same task.
    unsaved: Option<MaintenanceState>,
    /// Whether the last call of `run_due_tasks` failed. Only the first of several failures in a row is logged.
    is_failing: bool,
}

impl MaintenanceRunner<'_> {
    /// Runs due tasks forever, starting after `delay`.
    fn run(&mut self, delay: Duration) -> ! {
        // A task that was not scheduled before becomes due one interval after now.
        let started = self.start_intervals();
        let mut sleep = self.sleep_after(started.map(|()| delay));
        loop {
            thread::sleep(sleep.clamp(SLEEP_MIN, SLEEP_MAX));
            let turn = self.run_due_tasks();
            sleep = self.sleep_after(turn);
        }
    }

    /// Returns how long to sleep after a call of `run_due_tasks` that returned `turn`. Logs the error of `turn`, unless the previous call
    /// failed too.
    fn sleep_after(&mut self, turn: Result<Duration>) -> Duration {
        let was_failing = std::mem::replace(&mut self.is_failing, turn.is_err());
        turn.unwrap_or_else(|error| {
            if !was_failing {
                let error = repo::chain(&error);
                tracing::warn!(error, "maintenance of the store failed; retrying");
            }
            SLEEP_MAX
        })
    }

    /// Runs the tasks that are due; returns the time until the next task is due.
    fn run_due_tasks(&mut self) -> Result<Duration> {
        self.start_intervals()?;
        let wait = self.time_until_due();
        if !wait.is_zero() {
            return Ok(wait);
        }
        let Some(lock) = self.store.repo.lock_maintenance()? else {
            return Ok(SLEEP_LOCKED);
        };
        // `run_if_due` reads the state again, because the server that held the lock before may have run the task. Of several servers that
        // share a store in a bucket, only the one that made the last change runs gc.
        let is_responsible = self.store.repo.authority().is_last_writer();
        if let Some((interval, change, history)) =
            self.schedule.gc.clone().filter(|_| is_responsible)
        {
            let collect = |store: &Store| store.run_gc_task(&change, history);
            self.run_if_due(&lock, "gc", interval, |state| &mut state.gc, collect);
        }
        if let Some(interval) = self.schedule.verify {
            let verify = Store::run_verify_task;
            self.run_if_due(&lock, "verify", interval, |state| &mut state.verify, verify);
        }
        Ok(self.time_until_due())
    }

    /// Runs one task if it is due. Runs `work` in a thread of its own, because it may lower the thread's priority, and a panic must not end
    /// the runner.
    fn run_if_due(
        &mut self,
        lock: &MaintenanceLock,
        name: &'static str,
        interval: Duration,
        task: impl Fn(&mut MaintenanceState) -> &mut TaskState,
        work: impl FnOnce(&Store) -> Result<TaskResult> + Send,
    ) {
        let mut state = self.state();
        if !task(&mut state)
            .time_until_due(now_ms(), interval)
            .is_zero()
        {
            return;
        }
        task(&mut state).record_start(now_ms());
        self.save(lock, state.clone());
        tracing::info!("{name} begins, as scheduled");
        let store = self.store;
        let result = thread::scope(|scope| {
            let thread = thread::Builder::new().name(name.to_owned());
            let spawned = thread.spawn_scoped(scope, || work(store));
            let joined = spawned.map_err(|error| error.to_string())?.join();
            let result = joined.map_err(|_| "it panicked".to_owned())?;
            result.map_err(|error| repo::chain(&error))
        });
        match result {
            Ok(result) => task(&mut state).record_success(now_ms(), result),
            Err(error) => {
                task(&mut state).record_failure(now_ms());
                let retry_s = task(&mut state)
                    .time_until_due(now_ms(), interval)
                    .as_secs();
                tracing::warn!(error, retry_s, "{name} failed; retrying later");
            }
        }
        self.save(lock, state);
    }

    /// Returns the time until the next task is due.
    fn time_until_due(&self) -> Duration {
        let (state, now_ms) = (self.state(), now_ms());
        let gc = self
            .schedule
            .gc
            .as_ref()
            .map(|(interval, ..)| state.gc.time_until_due(now_ms, *interval));
        let verify = self
            .schedule
            .verify
            .map(|interval| state.verify.time_until_due(now_ms, interval));
        gc.into_iter().chain(verify).min().unwrap_or(SLEEP_MAX)
    }

    /// For each scheduled task whose first interval has not begun yet, records that it begins now.
    fn start_intervals(&mut self) -> Result<()> {
        let with_intervals = |mut state: MaintenanceState| {
            let now_ms = now_ms();
            if self.schedule.gc.is_some() {
                state.gc.start_interval(now_ms);
            }
            if self.schedule.verify.is_some() {
                state.verify.start_interval(now_ms);
            }
            state
        };
        let state = self.state();
        if with_intervals(state.clone()) != state
            && let Some(lock) = self.store.repo.lock_maintenance()?
        {
            // Reads the state again under the lock, so that no other server can change it.
            let started = with_intervals(self.state());
            self.save(&lock, started);
        }
        Ok(())
    }

    fn state(&self) -> MaintenanceState {
        let unsaved = self.unsaved.clone();
        unsaved.unwrap_or_else(|| self.store.maintenance_state())
    }

    fn save(&mut self, lock: &MaintenanceLock, state: MaintenanceState) {
        let saved = self.store.save_maintenance_state(lock, &state);
        self.unsaved = saved.err().map(|error| {
            let error = repo::chain(&error);
            tracing::debug!(error, "could not save the state of maintenance");
            state
        });
    }
}
