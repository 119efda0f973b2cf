//! git's lock file of a ref, `<ref>.lock`, created so that a dead writer's lock file is recognized with certainty.
//!
//! wasmstore creates its lock files with mode 0444, without write permission for anyone, and the ref keeps that mode after the rename. git
//! creates its lock files with mode 0666, from which the umask removes bits. So a process that holds `refs.lock` and finds a read-only lock
//! file knows that a wasmstore process created it and died. Any other lock file belongs to a git process that wasmstore did not start, and
//! wasmstore waits until it is gone. `ROOT/wasmstore/moving` names the refs that were moved last, one per line. After a crash, opening the
//! store looks only for the lock files of these refs.
//!
//! Refs are not updated with gix because it fsyncs neither the lock file nor the directories, and cannot create lock files without write
//! permission.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::repo::error::{Error, Result};
use crate::repo::failpoints::{self, step};
use crate::repo::fs::remove_if_there;
use crate::sharing::{create_shared_dir_all, share, write_shared};

/// How long a write waits for a lock file of another git process before it fails as busy.
pub(crate) const OUTSIDE_MAX: Duration = Duration::from_secs(10);

/// The file in the repository that lists refs whose lock files a process was about to take. With this list, other processes
/// find the lock files that a killed process left behind.
const MOVING: &str = "wasmstore/moving";
/// The name of the file with the refs that have no file of their own.
pub(crate) const PACKED_REFS: &str = "packed-refs";
/// The name of the file that names the default branch.
pub(crate) const HEAD: &str = "HEAD";
/// The name of the repository's configuration file.
pub(crate) const CONFIG: &str = "config";
/// The files that are never listed in `wasmstore/moving`, because after a crash, their lock files are always looked for.
const NOT_NOTED: [&str; 3] = [PACKED_REFS, HEAD, CONFIG];
/// The mode of the file of a new ref.
const MODE: u32 = 0o444;
/// The permission bits that a lock file of wasmstore does not have.
const WRITE_BITS: u32 = 0o222;

/// A held lock file. Dropping it removes the file, unless the file was renamed.
pub(crate) struct RefLock {
    path: PathBuf,
    lock: PathBuf,
    is_renamed: bool,
}

impl RefLock {
    /// Creates `<name>.lock` in the repository at `root`, with `content`, and fsyncs it. The caller holds `refs.lock`.
    ///
    /// # Errors
    /// `Busy` if another git process holds the lock file for longer than `patience`.
    pub(crate) fn take(
        root: &Path,
        name: &str,
        content: &[u8],
        patience: Duration,
    ) -> Result<Self> {
        Self::take_with_mode(root, name, content, patience, MODE)
    }

    /// Does the same as [`take`](Self::take), but the file gets this `mode`, without its write bits.
    pub(crate) fn take_with_mode(
        root: &Path,
        name: &str,
        content: &[u8],
        patience: Duration,
        mode: u32,
    ) -> Result<Self> {
        let path = root.join(name);
        if !NOT_NOTED.contains(&name) {
            note_moving(root, &[name]);
        }
        let lock = lock_path(&path);
        let mut file = create(&path, &lock, Instant::now() + patience, mode)?;
        // `held` is created before the content is written, so that dropping it after an error removes the lock file.
        let held = Self {
            lock,
            path,
            is_renamed: false,
        };
        failpoints::write("write ref lock", &mut file, content)
            .map_err(Error::io("write", &held.lock))?;
        step("fsync ref lock")
            .and_then(|()| file.sync_all())
            .map_err(Error::io("fsync", &held.lock))?;
        Ok(held)
    }

    /// Returns the path of the ref itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Renames the lock file to the ref.
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

/// Records the refs whose lock files are about to be taken. An error is ignored: if this process is then killed, its lock files are found
/// when the same refs are moved the next time.
pub(crate) fn note_moving(root: &Path, names: &[impl AsRef<str>]) {
    let noted = noted(root);
    let is_noted = |name: &str| noted.lines().any(|noted| noted == name);
    if !names.iter().all(|name| is_noted(name.as_ref())) {
        let names: Vec<_> = names.iter().map(AsRef::as_ref).collect();
        let _ = write_shared(&root.join(MOVING), names.join("\n"));
    }
}

fn noted(root: &Path) -> String {
    fs::read_to_string(root.join(MOVING)).unwrap_or_default()
}

/// Returns the lock files that a wasmstore process left behind, or holds at this moment, for the refs that were moved last,
/// `packed-refs`, `HEAD` and the configuration of the repository at `root`.
pub(crate) fn own_locks(root: &Path) -> Vec<PathBuf> {
    let noted = noted(root);
    let refs = noted.lines().filter(|name| name.starts_with("refs/"));
    let names = NOT_NOTED.into_iter().chain(refs);
    let locks = names.map(|name| lock_path(&root.join(name)));
    locks.filter(|lock| is_own(lock)).collect()
}

/// Removes the lock files that dead wasmstore processes left behind. The caller holds `refs.lock`, so no running wasmstore process holds a
/// lock file.
pub(crate) fn clear_dead_locks(root: &Path) -> Result<()> {
    own_locks(root).iter().try_for_each(|lock| clear_dead(lock))
}

fn create(path: &Path, lock: &Path, deadline: Instant, mode: u32) -> Result<fs::File> {
    let dir = path.parent().expect("BUG: a ref has a parent directory");
    loop {
        clear_dead(lock)?;
        let mut options = OpenOptions::new();
        options
            .write(true)
            .create_new(true)
            .mode(mode & !WRITE_BITS);
        match step("create ref lock").and_then(|()| options.open(lock)) {
            Ok(file) => {
                share(lock);
                return Ok(file);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if Instant::now() >= deadline {
                    return Err(Error::Busy(format!(
                        "another git process holds {lock:?}; if none is running, remove that file"
                    )));
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            // The directory is missing: the branch is new, or deleting another branch removed the directory because it was empty.
            Err(error) if error.kind() == io::ErrorKind::NotFound && Instant::now() < deadline => {
                create_shared_dir_all(dir).map_err(Error::io("create", dir))?;
            }
            Err(error) => return Err(Error::io("create", lock)(error)),
        }
    }
}

/// Removes the file `lock` if a wasmstore process created it. That process is dead, because the caller holds `refs.lock`.
fn clear_dead(lock: &Path) -> Result<()> {
    if is_own(lock) {
        tracing::warn!(?lock, "removing the lock file of a dead writer");
        remove_if_there(lock)?;
    }
    Ok(())
}

/// Returns whether the lock file exists and has the mark of wasmstore: no write permission.
fn is_own(lock: &Path) -> bool {
    let mode = fs::symlink_metadata(lock).map(|file| file.permissions().mode());
    mode.is_ok_and(|mode| mode & WRITE_BITS == 0)
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}
