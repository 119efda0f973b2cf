//! Refs: reading branches, and moving them such that the move survives a power cut.
//!
//! A ref moves in this order: gix prepares (checks the old value, writes `<ref>.lock`), the lock file is flushed, gix renames
//! it, its folder is flushed. gix flushes nothing itself; flushing after the rename would leave a window in which a power cut
//! loses the whole branch. Every move happens under `refs.lock`, and refs are kept loose: with `packed-refs` present, writers
//! that delete and update at the same time lose each other's work.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use gix::bstr::{BString, ByteSlice};
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog};
use gix::refs::{FullName, Target};

use super::durable::{sync_dirs_up_to, sync_file};
use super::error::{Error, Result};
use super::open::{Repository, commit_id};
use crate::names::{Author, BranchName, CommitId};

/// How long a ref's lock file may be in the way, once `refs.lock` is ours. Whoever leaves it longer is dead: our own writers
/// hold `refs.lock` while they have one, and an outside git keeps it for moments.
const LOCK_FILE_AGE_MAX: Duration = Duration::from_secs(1);

/// The default branch of a store that does not exist yet.
const DEFAULT_BRANCH: &str = "main";

impl Repository {
    /// The default branch: what `HEAD` names, whether or not it has a commit yet.
    ///
    /// # Errors
    /// `HEAD` names no branch.
    pub fn default_branch(&self) -> Result<BranchName> {
        let Some(repo) = self.local() else {
            return Ok(DEFAULT_BRANCH.parse().expect("BUG: main is a branch name"));
        };
        let head = repo.head_name().map_err(Error::database("read HEAD"))?;
        let name = head.as_ref().and_then(|name| branch_name(name.as_bstr()));
        name.ok_or_else(|| Error::NotAStore {
            root: self.root().to_owned(),
            reason:
                "its HEAD names no branch; set one with `git symbolic-ref HEAD refs/heads/main`"
                    .to_owned(),
        })
    }

    /// The names of all branches, sorted.
    pub fn branches(&self) -> Result<Vec<BranchName>> {
        Ok(self
            .refs_below("refs/heads/")?
            .into_iter()
            .filter_map(|(name, _)| branch_name(name.as_bstr()))
            .collect())
    }

    /// The commit that a branch points to; `None` if there is no such branch.
    pub fn tip(&self, branch: &BranchName) -> Result<Option<CommitId>> {
        let Some(repo) = self.local() else {
            return Ok(None);
        };
        Ok(read_tip(&repo, branch)?.map(|id| commit_id(&id)))
    }

    /// Every ref below `prefix` with the object that it names, sorted by name.
    pub(super) fn refs_below(&self, prefix: &str) -> Result<Vec<(BString, gix::ObjectId)>> {
        let Some(repo) = self.local() else {
            return Ok(Vec::new());
        };
        let platform = repo.references().map_err(Error::database("list refs"))?;
        let mut refs = Vec::new();
        for reference in platform
            .prefixed(prefix)
            .map_err(Error::database("list refs"))?
        {
            let mut reference = reference.map_err(Error::database("list refs"))?;
            let name = reference.name().as_bstr().to_owned();
            let id = match reference.try_id() {
                Some(id) => id.detach(),
                None => match reference.peel_to_id() {
                    Ok(id) => id.detach(),
                    Err(_) => continue,
                },
            };
            refs.push((name, id));
        }
        refs.sort();
        Ok(refs)
    }

    /// What `HEAD` names if that is a commit and no branch.
    pub(super) fn detached_head(&self) -> Result<Option<gix::ObjectId>> {
        let Some(repo) = self.local() else {
            return Ok(None);
        };
        let head = repo.head().map_err(Error::database("read HEAD"))?;
        Ok(if head.is_detached() {
            head.id().map(gix::Id::detach)
        } else {
            None
        })
    }

    /// Moves, creates or deletes a branch under `refs.lock`, which the caller holds, and makes that durable.
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
        let change = match (old, new) {
            (_, Some(new)) => Change::Update {
                log: LogChange::default(),
                expected: old.map_or(PreviousValue::MustNotExist, |old| {
                    PreviousValue::MustExistAndMatch(Target::Object(old))
                }),
                new: Target::Object(new),
            },
            (Some(old), None) => Change::Delete {
                expected: PreviousValue::MustExistAndMatch(Target::Object(old)),
                log: RefLog::AndReference,
            },
            (None, None) => return Ok(()),
        };
        self.edit_ref(&branch.full_ref(), change)
            .map_err(|error| moved(error, branch, old))?;
        if let Some(new) = new {
            self.flushed
                .lock()
                .expect("BUG: nothing panics while it holds the set")
                .insert(tip_key(branch, &new));
        }
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

    /// Flushes the tip of a branch, and the folders that lead to it, unless this process made it durable; under `refs.lock`.
    pub(super) fn flush_tip(&self, branch: &BranchName, tip: &gix::oid) -> Result<()> {
        let key = tip_key(branch, tip);
        if self
            .flushed
            .lock()
            .expect("BUG: nothing panics while it holds the set")
            .contains(&key)
        {
            return Ok(());
        }
        let path = self.root().join(branch.full_ref());
        sync_file(&path)?;
        sync_dirs_up_to(path.parent().expect("BUG: a ref has a folder"), self.root())?;
        self.flushed
            .lock()
            .expect("BUG: nothing panics while it holds the set")
            .insert(key);
        Ok(())
    }

    /// Prepare, flush, commit, flush.
    fn edit_ref(&self, name: &str, change: Change) -> Result<()> {
        let repo = self.local_for(name)?;
        let path = self.root().join(name);
        let deleted = matches!(change, Change::Delete { .. });
        let edit = RefEdit {
            change,
            name: full_name(name)?,
            deref: false,
        };
        let failed = || Error::database(format!("move {name}"));
        let wait = gix::lock::acquire::Fail::AfterDurationWithBackoff(LOCK_FILE_AGE_MAX);
        let prepare = || repo.refs.transaction().prepare([edit.clone()], wait, wait);
        let transaction = match prepare() {
            Err(error) if error.is_retryable() => {
                self.remove_stale_lock(name)?;
                prepare()
            }
            other => other,
        };
        let transaction = transaction.map_err(failed())?;
        let lock_file = lock_path(path.clone());
        if !deleted && lock_file.exists() {
            sync_file(&lock_file)?;
        }
        let is_new = !path.exists();
        let committer = super::commits::signature(&Author::default());
        let mut time = gix::date::parse::TimeBuf::default();
        let unconfirmed = |source| Error::Unconfirmed {
            source: Box::new(source),
        };
        transaction
            .commit(committer.to_ref(&mut time))
            .map_err(failed())
            .map_err(unconfirmed)?;
        // gix removes folders that a deletion leaves empty; the nearest one left holds what changed.
        let folder = path.ancestors().skip(1).find(|folder| folder.is_dir());
        let folder = folder.expect("BUG: the root is a folder");
        let top = if is_new || deleted {
            self.root()
        } else {
            folder
        };
        sync_dirs_up_to(folder, top).map_err(unconfirmed)
    }

    /// Removes a ref's lock file that has been there for longer than anybody alive keeps one.
    fn remove_stale_lock(&self, name: &str) -> Result<()> {
        let path = lock_path(self.root().join(name));
        let age = fs::metadata(&path)
            .and_then(|file| file.modified())
            .map(|at| at.elapsed().unwrap_or_default());
        match age {
            Ok(age) if age >= LOCK_FILE_AGE_MAX => {
                tracing::warn!(?path, "removing the lock file of a dead writer");
                fs::remove_file(&path).map_err(Error::io("remove", &path))
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io("read", &path)(error))
            }
            _ => Ok(()),
        }
    }
}

/// The object that a branch names, following a symbolic ref.
pub(super) fn read_tip(
    repo: &gix::Repository,
    branch: &BranchName,
) -> Result<Option<gix::ObjectId>> {
    let failed = || Error::database(format!("read branch {branch}"));
    match repo
        .try_find_reference(branch.full_ref().as_str())
        .map_err(failed())?
    {
        None => Ok(None),
        Some(mut reference) => Ok(Some(
            reference.follow_to_object().map_err(failed())?.detach(),
        )),
    }
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

fn branch_name(full: &gix::bstr::BStr) -> Option<BranchName> {
    full.to_str()
        .ok()?
        .strip_prefix("refs/heads/")?
        .parse()
        .ok()
}

fn full_name(name: &str) -> Result<FullName> {
    FullName::try_from(name).map_err(Error::database(format!("name a ref {name:?}")))
}

fn tip_key(branch: &BranchName, tip: &gix::oid) -> String {
    format!("{branch} {tip}")
}

fn lock_path(path: PathBuf) -> PathBuf {
    let mut name = path.into_os_string();
    name.push(".lock");
    name.into()
}
