//! Moving refs such that the move survives a power cut.
//!
//! In this order: gix prepares (checks the old value, writes `<ref>.lock`), the lock file is flushed, gix renames it, its folder
//! is flushed. gix flushes nothing itself; flushing after the rename would leave a window in which a power cut loses the whole
//! branch. Every move happens under `refs.lock`.
//!
//! A killed writer leaves its `<ref>.lock`. `ROOT/wasmstore/moving` says which ref is being moved: whoever holds `refs.lock` and
//! finds it knows that its writer is dead, and removes the lock file if it is not older than the note. Other lock files are an
//! outside git's, and waited for.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog};
use gix::refs::{FullName, Target};

use super::durable::{sync_dir, sync_dirs_up_to, sync_file};
use super::error::{Error, Result};
use super::open::Repository;
use super::packs::remove_if_there;
use crate::names::{Author, BranchName};

/// How long an outside git may keep a ref's lock file before a change gives up as busy.
const OUTSIDE_LOCK_MAX: Duration = Duration::from_secs(10);

impl Repository {
    /// Moves, creates or deletes a branch under `refs.lock`, which the caller holds, and makes that durable. What the branch
    /// moves to is durable already.
    ///
    /// # Errors
    /// `Moved` if the branch is not at `old` any more: an outside writer was there, nothing happened. `Unconfirmed` if the
    /// branch was moved but could not be flushed.
    pub(super) fn move_branch(
        &self,
        branch: &BranchName,
        old: Option<gix::ObjectId>,
        new: Option<gix::ObjectId>,
    ) -> Result<()> {
        let expected = old.map_or(PreviousValue::MustNotExist, |old| {
            PreviousValue::MustExistAndMatch(Target::Object(old))
        });
        let name = branch.full_ref();
        let Some(new) = new else {
            self.remove_packed(&name)?;
            // A symbolic ref, and one that was packed only, is not what `old` says.
            let log = RefLog::AndReference;
            let expected = PreviousValue::Any;
            self.forget_tip(branch);
            return self.edit_ref(&name, Change::Delete { expected, log });
        };
        let log = LogChange::default();
        let new_target = Target::Object(new);
        self.edit_ref(
            &name,
            Change::Update {
                log,
                expected,
                new: new_target,
            },
        )
        .map_err(|error| moved(error, branch, old))?;
        self.remember_tip(branch, new);
        Ok(())
    }

    /// Makes `branch` the default one, under `refs.lock`.
    pub(super) fn move_head(&self, branch: &BranchName) -> Result<()> {
        let change = Change::Update {
            log: LogChange::default(),
            expected: PreviousValue::Any,
            new: Target::Symbolic(full_name(&branch.full_ref())?),
        };
        self.edit_ref("HEAD", change)
    }

    /// Flushes what says which branch is the default one.
    pub(super) fn flush_head(&self) -> Result<()> {
        sync_file(&self.root().join("HEAD"))?;
        sync_dir(self.root())
    }

    /// Flushes every ref, and every folder that leads to one; under `refs.lock`.
    pub(super) fn flush_all_refs(&self) -> Result<()> {
        let packed = self.root().join("packed-refs");
        if packed.is_file() {
            sync_file(&packed)?;
        }
        let mut todo = vec![self.root().join("refs")];
        while let Some(folder) = todo.pop() {
            for entry in fs::read_dir(&folder).map_err(Error::io("read", &folder))? {
                let path = entry.map_err(Error::io("read", &folder))?.path();
                if path.is_dir() {
                    todo.push(path);
                } else {
                    sync_file(&path)?;
                }
            }
            sync_dir(&folder)?;
        }
        self.flush_head()
    }

    /// Prepare, flush, commit, flush.
    fn edit_ref(&self, name: &str, change: Change) -> Result<()> {
        let repo = self.local_for(name)?;
        let path = self.root().join(name);
        let is_deletion = matches!(change, Change::Delete { .. });
        let is_new = !path.exists();
        self.clear_dead_lock()?;
        let note = self.moving();
        fs::write(&note, name).map_err(Error::io("write", &note))?;
        let edit = RefEdit {
            change,
            name: full_name(name)?,
            deref: false,
        };
        let wait = gix::lock::acquire::Fail::AfterDurationWithBackoff(OUTSIDE_LOCK_MAX);
        let transaction = repo.refs.transaction().prepare([edit], wait, wait);
        let transaction = match transaction {
            Ok(transaction) => transaction,
            Err(error) => {
                // The lock file that is there is not ours.
                remove_if_there(&note)?;
                return Err(locked(error, name));
            }
        };
        let lock_file = lock_path(&path);
        if !is_deletion && lock_file.exists() {
            sync_file(&lock_file)?;
        }
        let unconfirmed = |source| Error::Unconfirmed {
            source: Box::new(source),
        };
        let committer = super::commits::signature(&Author::default());
        let mut time = gix::date::parse::TimeBuf::default();
        if let Err(error) = transaction.commit(committer.to_ref(&mut time)) {
            let error = Error::database(format!("move {name}"))(error);
            // A new ref that is not there was not made; of any other it is not known.
            let is_refused = is_new && !is_deletion && !path.is_file();
            return Err(if is_refused {
                error
            } else {
                unconfirmed(error)
            });
        }
        // gix removes folders that a deletion leaves empty; the nearest one left holds what changed.
        let folder = path.ancestors().skip(1).find(|folder| folder.is_dir());
        let folder = folder.expect("BUG: the root is a folder");
        let top = if is_new || is_deletion {
            self.root()
        } else {
            folder
        };
        sync_dirs_up_to(folder, top).map_err(unconfirmed)?;
        remove_if_there(&note)
    }

    /// Removes the lock file of a writer that was killed while it moved a ref; under `refs.lock`.
    fn clear_dead_lock(&self) -> Result<()> {
        let note = self.moving();
        let Ok(name) = fs::read_to_string(&note) else {
            return Ok(());
        };
        let changed = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
        let lock_file = lock_path(&self.root().join(&name));
        let is_ours = full_name(&name).is_ok() && changed(&lock_file) >= changed(&note);
        if is_ours && lock_file.is_file() {
            tracing::warn!(?lock_file, "removing the lock file of a dead writer");
            remove_if_there(&lock_file)?;
        }
        remove_if_there(&note)
    }

    fn moving(&self) -> PathBuf {
        self.own_dir().join("moving")
    }
}

/// Tells a lock file that stays from other failures.
fn locked(error: gix::Error, name: &str) -> Error {
    if error.is_retryable() {
        return Error::Busy(format!(
            "an outside git holds {name}.lock or packed-refs.lock; if none runs, remove it"
        ));
    }
    Error::database(format!("move {name}"))(error)
}

/// Tells a branch that somebody else moved, or deleted, from other failures.
fn moved(error: Error, branch: &BranchName, old: Option<gix::ObjectId>) -> Error {
    let Error::Database { source, .. } = &error else {
        return error;
    };
    let is_moved = |e: &gix::Error| e.is_conflict() || (old.is_some() && e.is_not_found());
    if source.downcast_ref::<gix::Error>().is_some_and(is_moved) {
        Error::Moved(branch.clone())
    } else {
        error
    }
}

fn full_name(name: &str) -> Result<FullName> {
    FullName::try_from(name).map_err(Error::database(format!("name a ref {name:?}")))
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}
