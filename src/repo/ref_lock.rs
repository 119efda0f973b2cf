//! git's lock file of a ref, taken such that a dead writer's is known for sure.
//!
//! The file is made elsewhere, `ROOT/wasmstore/moving` is told which it is and what it is for, and link(2) gives it the name
//! `<ref>.lock`, if nobody has it. So whoever holds `refs.lock` and finds a lock file that is the one in the note knows that its
//! writer is dead. Every other is an outside git's, and waited for.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::durable::sync_file;
use super::error::{Error, Result};
use super::open::Repository;
use super::packs::remove_if_there;

/// How long an outside git may keep a lock file before a change gives up as busy.
const OUTSIDE_MAX: Duration = Duration::from_secs(10);
/// How old a lock file has to be to be nobody's any more, as after a power cut that took the note.
const AGE_MAX: Duration = Duration::from_secs(3600);

/// A held lock file; dropping it lets go.
pub(super) struct RefLock {
    path: PathBuf,
    lock: PathBuf,
    note: PathBuf,
    is_renamed: bool,
}

impl RefLock {
    /// Takes `<name>.lock`, with `content` in it, flushed; under `refs.lock`.
    ///
    /// # Errors
    /// `Busy` if an outside git keeps it for ten seconds.
    pub(super) fn take(repository: &Repository, name: &str, content: &[u8]) -> Result<Self> {
        let path = repository.root().join(name);
        let note = note(repository, name);
        clear_dead(repository, &note)?;
        let tmp = repository.tmp_dir();
        fs::create_dir_all(&tmp).map_err(Error::io("create", &tmp))?;
        let ours = tmp.join("ref");
        remove_if_there(&ours)?;
        fs::write(&ours, content).map_err(Error::io("write", &ours))?;
        sync_file(&ours)?;
        let id = fs::metadata(&ours).map_err(Error::io("read", &ours))?;
        let line = format!("{name}\n{} {}\n", id.dev(), id.ino());
        fs::write(&note, line).map_err(Error::io("write", &note))?;
        let held = Self {
            lock: lock_path(&path),
            path,
            note,
            is_renamed: false,
        };
        let linked = held.link(&ours);
        remove_if_there(&ours)?;
        linked.map(|()| held)
    }

    /// The ref's own file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the lock file the ref.
    pub(super) fn rename(mut self) -> Result<()> {
        fs::rename(&self.lock, &self.path).map_err(Error::io("rename to", &self.path))?;
        self.is_renamed = true;
        Ok(())
    }

    fn link(&self, ours: &Path) -> Result<()> {
        let deadline = Instant::now() + OUTSIDE_MAX;
        let folder = self.path.parent().expect("BUG: a ref has a folder");
        loop {
            fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
            match fs::hard_link(ours, &self.lock) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    let changed = fs::metadata(&self.lock).and_then(|file| file.modified());
                    let age = changed.map(|changed| changed.elapsed().unwrap_or_default());
                    if age.is_ok_and(|age| age > AGE_MAX) {
                        tracing::warn!(lock = ?self.lock, "removing a lock file that is over an hour old");
                        remove_if_there(&self.lock)?;
                    } else if Instant::now() >= deadline {
                        let lock = &self.lock;
                        return Err(Error::Busy(format!(
                            "an outside git holds {lock:?}; if none runs, remove it"
                        )));
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
                // The folder was removed, empty as it was, by whoever deleted a branch in it.
                Err(error)
                    if error.kind() == io::ErrorKind::NotFound && Instant::now() < deadline => {}
                Err(error) => return Err(Error::io("create", &self.lock)(error)),
            }
        }
    }
}

impl Drop for RefLock {
    fn drop(&mut self) {
        if !self.is_renamed && is_noted(&self.note, &self.lock) {
            let _ = fs::remove_file(&self.lock);
        }
        let _ = fs::remove_file(&self.note);
    }
}

/// Where the note of a lock is; that of `packed-refs` is taken while a ref's is held.
fn note(repository: &Repository, name: &str) -> PathBuf {
    let file = if name == "packed-refs" {
        "moving-packed"
    } else {
        "moving"
    };
    repository.root().join("wasmstore").join(file)
}

/// Removes the lock file of a writer that was killed while it held it.
fn clear_dead(repository: &Repository, note: &Path) -> Result<()> {
    let text = fs::read_to_string(note).unwrap_or_default();
    if let Some(name) = text.lines().next().filter(|name| !name.is_empty()) {
        let lock = lock_path(&repository.root().join(name));
        if is_noted(note, &lock) {
            tracing::warn!(?lock, "removing the lock file of a dead writer");
            remove_if_there(&lock)?;
        }
    }
    remove_if_there(note)
}

/// Whether a lock file is the one that the note tells of.
fn is_noted(note: &Path, lock: &Path) -> bool {
    let text = fs::read_to_string(note).unwrap_or_default();
    let id = fs::symlink_metadata(lock).map(|file| format!("{} {}", file.dev(), file.ino()));
    id.is_ok_and(|id| text.lines().nth(1) == Some(&id) && text.ends_with('\n'))
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}
