//! git's lock file of a ref, taken such that a dead writer's is known for sure.
//!
//! Ours may be written by nobody: mode 0444 from the moment it is created, and it keeps that when it becomes the ref. git makes
//! its own 0666 and lets the umask take bits away. So whoever holds `refs.lock` and finds a lock file that nobody may write knows
//! that its writer was one of us and is dead. Every other is an outside git's, and waited for. `ROOT/wasmstore/moving` names the
//! branch, so that whoever opens the store need not look for a dead lock file among all of them.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::repo::error::{Error, Result};
use crate::repo::failpoints::{self, step};
use crate::repo::fs::remove_if_there;
use crate::repo::lifecycle::open::Repository;

/// How long an outside git may keep a lock file before a change gives up as busy.
pub(crate) const OUTSIDE_MAX: Duration = Duration::from_secs(10);

/// The file in `ROOT/wasmstore` with the name of the ref that was moved last.
const MOVING: &str = "moving";
/// The file with the refs that have none of their own.
pub(crate) const PACKED_REFS: &str = "packed-refs";
/// The file that says which branch is the default one.
pub(crate) const HEAD: &str = "HEAD";
/// The repository's configuration.
pub(crate) const CONFIG: &str = "config";
/// Those that are looked for by themselves, and not noted.
const UNNOTED: [&str; 3] = [PACKED_REFS, HEAD, CONFIG];
/// What nobody may do to our lock files, as bits of a file's mode.
const WRITE: u32 = 0o222;

/// A held lock file; dropping it lets go.
pub(crate) struct RefLock {
    path: PathBuf,
    lock: PathBuf,
    is_renamed: bool,
}

impl RefLock {
    /// Takes `<name>.lock`, with `content` in it, flushed; under `refs.lock`.
    ///
    /// # Errors
    /// `Busy` if an outside git keeps it for longer than `patience`.
    pub(crate) fn take(
        repository: &Repository,
        name: &str,
        content: &[u8],
        patience: Duration,
    ) -> Result<Self> {
        let path = repository.root().join(name);
        let note = repository.own_dir().join(MOVING);
        if !UNNOTED.contains(&name) && fs::read(&note).ok().as_deref() != Some(name.as_bytes()) {
            // Without it a dead lock file is found by the next who moves the ref.
            let _ = fs::write(&note, name);
        }
        let lock = lock_path(&path);
        let mut file = create(&path, &lock, Instant::now() + patience)?;
        // From here on it is removed unless it becomes the ref.
        let held = Self {
            lock,
            path,
            is_renamed: false,
        };
        failpoints::write("write ref lock", &mut file, content)
            .map_err(Error::io("write", &held.lock))?;
        step("flush ref lock")
            .and_then(|()| file.sync_all())
            .map_err(Error::io("flush", &held.lock))?;
        Ok(held)
    }

    /// The ref's own file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the lock file the ref.
    pub(crate) fn rename(mut self) -> Result<()> {
        step("rename ref")
            .and_then(|()| fs::rename(&self.lock, &self.path))
            .map_err(Error::io("rename to", &self.path))?;
        self.is_renamed = true;
        Ok(())
    }
}

impl Drop for RefLock {
    fn drop(&mut self) {
        if !self.is_renamed {
            let _ = fs::remove_file(&self.lock);
        }
    }
}

impl Repository {
    /// The lock files that one of us left or is using at this moment, of the branch that was moved last, of the packed refs, of
    /// `HEAD`, and of the configuration.
    pub(crate) fn dead_locks(&self) -> Vec<PathBuf> {
        let name = fs::read_to_string(self.own_dir().join(MOVING)).unwrap_or_default();
        let is_ref = name.starts_with("refs/");
        let names = UNNOTED.into_iter().chain(is_ref.then_some(&*name));
        let locks = names.map(|name| lock_path(&self.root().join(name)));
        locks.filter(|lock| is_ours(lock)).collect()
    }

    /// Removes those lock files; while nobody writes.
    pub(crate) fn clear_dead_locks(&self) -> Result<()> {
        let _refs = self.locks.refs()?;
        self.dead_locks()
            .iter()
            .try_for_each(|lock| clear_dead(lock))
    }
}

fn create(path: &Path, lock: &Path, deadline: Instant) -> Result<fs::File> {
    let folder = path.parent().expect("BUG: a ref has a folder");
    loop {
        clear_dead(lock)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o444);
        match step("create ref lock").and_then(|()| options.open(lock)) {
            Ok(file) => return Ok(file),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if Instant::now() >= deadline {
                    return Err(Error::Busy(format!(
                        "an outside git holds {lock:?}; if none runs, remove it"
                    )));
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            // A new branch; or its folder was removed, empty as it was, by whoever deleted a branch in it.
            Err(error) if error.kind() == io::ErrorKind::NotFound && Instant::now() < deadline => {
                fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
            }
            Err(error) => return Err(Error::io("create", lock)(error)),
        }
    }
}

/// Removes a lock file that one of us left, who must be dead: `refs.lock` is held.
fn clear_dead(lock: &Path) -> Result<()> {
    if is_ours(lock) {
        tracing::warn!(?lock, "removing the lock file of a dead writer");
        remove_if_there(lock)?;
    }
    Ok(())
}

/// Whether there is a lock file that nobody may write.
fn is_ours(lock: &Path) -> bool {
    let mode = fs::symlink_metadata(lock).map(|file| file.permissions().mode());
    mode.is_ok_and(|mode| mode & WRITE == 0)
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}
