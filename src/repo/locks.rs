//! The store's locks, each an flock(2) on a file of `ROOT/wasmstore`.
//!
//! | file | mode | holder |
//! |---|---|---|
//! | `backup.lock` | exclusive | `backup` while it copies; `gc` and `verify` from start to end |
//! | `maintenance.lock` | exclusive | a server during scheduled maintenance; taken before all others |
//! | `mirrors/NAME.lock` | exclusive | a push to the mirror NAME; its holder takes no other lock |
//! | `roll-up.lock` | exclusive | a roll-up of packs; if it is held, no other roll-up starts |
//! | `gate` | exclusive, briefly | a writer or `gc` while it waits for `lock`; without it, overlapping writers would starve `gc` |
//! | `lock` | shared or exclusive | shared by writers while they write and publish objects; exclusive by `gc` while it deletes |
//! | `refs.gate` | exclusive, briefly | a process while it waits for `refs.lock`; without it, a busy server would starve other processes |
//! | `refs.lock` | exclusive | every ref update, from reading the tip to the compare-and-swap |
//!
//! Locks are taken in the order of this table, except that `maintenance.lock` is taken first. A shared lock is never upgraded to an
//! exclusive one. Each guard opens the lock file anew. An flock belongs to the open file description, so two guards exclude each other even
//! within one process. The kernel releases the locks of a killed process.
//!
//! The file `lock` contains the time of the last `gc`, in nanoseconds since 1970. A writer compares this time with the time that it read
//! when it opened the repository. If they differ, objects were deleted since.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::names::MirrorName;
use crate::repo::error::{Error, Result, is_read_only};
use crate::sharing::share;

/// How long an operation waits for a lock before it fails as busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How long `gc` blocks new writers while it waits for the current ones to end.
const GATE_HELD_MAX: Duration = Duration::from_secs(2);

/// A held lock; dropping it releases the lock.
#[derive(Debug)]
pub(crate) struct Guard(File);

impl Guard {
    /// Returns the time of the last `gc`, in nanoseconds since 1970; 0 if there was none. Must only be called on a guard of the file
    /// `lock`.
    pub(crate) fn last_collected(&self) -> u64 {
        read_time(&self.0)
    }

    /// Records that `gc` is about to delete objects. Must only be called on an exclusive guard of the file `lock`.
    pub(crate) fn mark_collected(&self) -> Result<()> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let time = since.map_or(0, |since| since.as_nanos() as u64);
        let marked = self.0.write_all_at(&time.to_le_bytes(), 0);
        marked.map_err(Error::io("write", "lock"))
    }
}

impl Drop for Guard {
    /// Unlocks the file. Closing it is not enough: if another thread has just started a git process, that process has the same open file
    /// description until exec(2) closes it, and the lock lasts as long as one of its descriptors (flock(2)).
    fn drop(&mut self) {
        // Fails only if the descriptor is invalid.
        let _ = self.0.unlock();
    }
}

/// Returns the time of the last `gc` in the store at `root`, in nanoseconds since 1970; 0 if there was none.
pub(crate) fn last_collected(root: &Path) -> u64 {
    File::open(root.join("wasmstore/lock")).map_or(0, |file| read_time(&file))
}

fn read_time(file: &File) -> u64 {
    let mut time = [0; 8];
    let read = file.read_exact_at(&mut time, 0);
    read.map_or(0, |()| u64::from_le_bytes(time))
}

/// The locks of one store.
#[derive(Debug, Clone)]
pub(crate) struct Locks {
    dir: PathBuf,
    /// A mutex at which the writers of this process wait before they lock the file `gate`. Waiting at the mutex costs less than polling the
    /// file lock.
    passing: Arc<Mutex<()>>,
}

impl Locks {
    /// Returns the locks in the directory `ROOT/wasmstore`, which need not exist yet.
    pub(crate) fn new(dir: PathBuf) -> Self {
        let passing = Arc::default();
        Self { dir, passing }
    }

    /// Takes the lock on the file `lock` in shared mode. While the guard exists, the caller may write and publish objects, and `gc` deletes
    /// nothing.
    pub(crate) fn writing(&self) -> Result<Guard> {
        let deadline = Instant::now() + PATIENCE;
        let _passing = self.passing.lock().unwrap_or_else(PoisonError::into_inner);
        let _gate = self.exclusive("gate", deadline)?;
        self.wait("lock", deadline, File::try_lock_shared)
    }

    /// Takes `refs.lock`. While the guard exists, no other process or thread of wasmstore moves a ref.
    pub(crate) fn refs(&self) -> Result<Guard> {
        self.refs_until(Instant::now() + PATIENCE)
    }

    /// Takes `refs.lock`, or fails as busy at the deadline.
    pub(crate) fn refs_until(&self, deadline: Instant) -> Result<Guard> {
        let _gate = self.exclusive("refs.gate", deadline)?;
        self.exclusive("refs.lock", deadline)
    }

    /// Takes `backup.lock`. While the guard exists, no other backup, `gc` or `verify` runs.
    pub(crate) fn backup(&self) -> Result<Guard> {
        self.exclusive("backup.lock", Instant::now() + PATIENCE)
    }

    /// Takes `backup.lock`; `None` if a backup, a `gc` or a `verify` runs.
    pub(crate) fn try_backup(&self) -> Result<Option<Guard>> {
        if_free(self.exclusive("backup.lock", Instant::now()))
    }

    /// Takes `backup.lock` and `refs.lock`, to read a consistent state. Returns `None` if no lock file can be created because this process
    /// may not write; then writers are not excluded.
    pub(crate) fn reading(&self) -> Result<Option<(Guard, Guard)>> {
        let guards = self.backup().and_then(|backup| Ok((backup, self.refs()?)));
        match guards {
            Err(error) if error.is_read_only() => Ok(None),
            guards => guards.map(Some),
        }
    }

    /// Locks the file `lock` exclusively, and then `refs.lock`. While the guards exist, no other process or thread writes. While this
    /// function waits for `lock`, it blocks new writers for at most two seconds at a time.
    pub(crate) fn deleting(&self) -> Result<(Guard, Guard)> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let gate = self.exclusive("gate", deadline)?;
            let attempt = self.wait("lock", Instant::now() + GATE_HELD_MAX, File::try_lock);
            match attempt {
                Ok(lock) => return Ok((lock, self.refs()?)),
                Err(error @ Error::Busy(_)) if Instant::now() >= deadline => return Err(error),
                Err(Error::Busy(_)) => {
                    drop(gate);
                    std::thread::sleep(GATE_HELD_MAX / 4);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes the lock of the mirror `name`; `None` if another process still holds it at the deadline.
    pub(crate) fn mirror(&self, name: &MirrorName, deadline: Instant) -> Result<Option<Guard>> {
        crate::repo::fs::create_dir(&self.dir)?;
        if_free(self.wait(&format!("mirrors/{name}.lock"), deadline, File::try_lock))
    }

    /// Takes `maintenance.lock`; `None` if another server holds it.
    pub(crate) fn try_maintenance(&self) -> Result<Option<Guard>> {
        if_free(self.exclusive("maintenance.lock", Instant::now()))
    }

    /// Takes `roll-up.lock`; `None` if another roll-up (which combines small packs into one) is running.
    pub(crate) fn try_roll_up(&self) -> Result<Option<Guard>> {
        if_free(self.exclusive("roll-up.lock", Instant::now()))
    }

    /// Locks the file `lock` exclusively; `None` if another process or thread is writing.
    pub(crate) fn try_alone(&self) -> Result<Option<Guard>> {
        if_free(self.wait("lock", Instant::now(), File::try_lock))
    }

    fn exclusive(&self, name: &'static str, deadline: Instant) -> Result<Guard> {
        self.wait(name, deadline, File::try_lock)
    }

    fn wait(
        &self,
        name: &str,
        deadline: Instant,
        attempt: impl Fn(&File) -> Result<(), TryLockError>,
    ) -> Result<Guard> {
        let path = self.dir.join(name);
        let file = open_lock_file(&path)?;
        let began = Instant::now();
        let mut pause = Duration::from_micros(200);
        loop {
            match attempt(&file) {
                Ok(()) => {
                    tracing::debug!(name, waited_ms = began.elapsed().as_millis(), "locked");
                    return Ok(Guard(file));
                }
                Err(TryLockError::Error(error)) => return Err(Error::io("lock", &path)(error)),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(Error::Busy(format!(
                        "{path:?} is locked by another process"
                    )));
                }
                Err(TryLockError::WouldBlock) => {
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(1));
                }
            }
        }
    }
}

fn if_free(taken: Result<Guard>) -> Result<Option<Guard>> {
    match taken {
        Ok(guard) => Ok(Some(guard)),
        Err(Error::Busy(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn open_lock_file(path: &Path) -> Result<File> {
    let open = || -> std::io::Result<File> {
        let is_new = !path.exists();
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)?;
        if is_new {
            share(path);
        }
        Ok(file)
    };
    match open() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let dir = path
                .parent()
                .expect("BUG: a lock file has a parent directory");
            crate::repo::fs::create_dir(dir)?;
            open().map_err(Error::io("open", path))
        }
        // flock(2) does not need write permission, so the existing file is opened for reading.
        Err(error) if is_read_only(error.kind()) && path.exists() => {
            File::open(path).map_err(Error::io("open", path))
        }
        other => other.map_err(Error::io("open", path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_released_lock_is_free_although_a_child_process_has_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let locks = Locks::new(dir.path().to_owned());
        let guard = locks.try_maintenance().unwrap().unwrap();
        assert!(locks.try_maintenance().unwrap().is_none());
        // Like fork(2), `try_clone` makes another descriptor of the same open file description.
        let inherited = guard.0.try_clone().unwrap();
        drop(guard);
        assert!(locks.try_maintenance().unwrap().is_some());
        drop(inherited);
    }
}
