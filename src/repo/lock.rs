//! The store's four locks, each an flock(2) on a file of `ROOT/wasmstore`.
//!
//! | file | held | by |
//! |---|---|---|
//! | `backup.lock` | exclusive | `backup` while it copies; `gc` from start to end |
//! | `gate` | exclusive, briefly | whoever wants `lock`: the turnstile that keeps `gc` from being starved by overlapping writers |
//! | `lock` | shared / exclusive | whoever writes and publishes objects / `gc` while it deletes |
//! | `refs.lock` | exclusive | over every read-tip, judge, compare-and-swap |
//!
//! They are taken in this order and never upgraded. One open file per guard: flock belongs to the open file, so two guards of
//! one process exclude each other like those of two processes. The kernel releases a killed holder's lock.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::durable;
use super::error::{Error, Result, is_read_only};

/// How long a change waits for the others before it gives up as busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long `gc` keeps writers out while it waits for those under way to end.
const GATE_HELD_MAX: Duration = Duration::from_secs(2);

/// A held lock; dropping it releases.
#[derive(Debug)]
pub(super) struct Guard(#[expect(dead_code, reason = "held for its drop")] File);

/// Where the locks are.
#[derive(Debug, Clone)]
pub(super) struct Locks {
    dir: PathBuf,
}

impl Locks {
    /// The locks in the folder `ROOT/wasmstore`, which need not exist yet.
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Takes `lock` shared: objects may be written and published, and `gc` deletes nothing meanwhile.
    pub(super) fn writing(&self) -> Result<Guard> {
        let deadline = Instant::now() + PATIENCE;
        let gate = self.exclusive("gate", deadline)?;
        let lock = self.wait("lock", deadline, File::try_lock_shared)?;
        drop(gate);
        Ok(lock)
    }

    /// Takes `refs.lock`: nobody else moves a ref.
    pub(super) fn refs(&self) -> Result<Guard> {
        self.exclusive("refs.lock", Instant::now() + PATIENCE)
    }

    /// Takes `backup.lock`: no backup and no other `gc` runs.
    pub(super) fn backup(&self) -> Result<Guard> {
        self.exclusive("backup.lock", Instant::now() + PATIENCE)
    }

    /// Takes `backup.lock` and `refs.lock`, to read a consistent state. Where nothing may be written, no lock can be made, and
    /// whoever may write there is not kept out: `None`.
    pub(super) fn reading(&self) -> Result<Option<(Guard, Guard)>> {
        let both = self.backup().and_then(|backup| Ok((backup, self.refs()?)));
        match both {
            Err(error) if error.is_read_only() => Ok(None),
            both => both.map(Some),
        }
    }

    /// Takes `lock` exclusive and then `refs.lock`: nobody writes. New writers are held up for two seconds at a time at most.
    pub(super) fn deleting(&self) -> Result<(Guard, Guard)> {
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

    /// Takes `lock` exclusive if nobody writes at this moment.
    pub(super) fn try_alone(&self) -> Result<Option<Guard>> {
        match self.wait("lock", Instant::now(), File::try_lock) {
            Ok(guard) => Ok(Some(guard)),
            Err(Error::Busy(_)) => Ok(None),
            Err(error) => Err(error),
        }
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

fn open_lock_file(path: &Path) -> Result<File> {
    let open = || {
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
    };
    match open() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let dir = path.parent().expect("BUG: a lock file has a folder");
            durable::create_dir(dir)?;
            open().map_err(Error::io("open", path))
        }
        // flock(2) asks for no right to write.
        Err(error) if is_read_only(error.kind()) && path.exists() => {
            File::open(path).map_err(Error::io("open", path))
        }
        other => other.map_err(Error::io("open", path)),
    }
}
