//! What reads the history.

use std::ops::ControlFlow;
use std::time::Duration;

use super::store::AnyStore;
use crate::names::{BranchName, CommitId, ModuleHash, ModulePath, TreePath};
use crate::remote::error::{Error, Result};
use crate::store::{self, At, Comparison, Kind, LogOrder, PathChange, Version, chain};
use crate::wire::Commit;

/// How long one wait for the next event takes; then comes another.
const WAIT: Duration = Duration::from_secs(3600);

/// What reads the history.
impl AnyStore {
    /// The versions of a path, the oldest first.
    pub fn versions(&self, at: &At, path: &ModulePath) -> Result<Vec<Version>> {
        match self {
            Self::Local(store) => Ok(store.versions(at, path)?),
            Self::Served(client) => client.versions(at, path),
        }
    }

    /// One of them, counted from 0.
    pub fn version(&self, at: &At, path: &ModulePath, index: usize) -> Result<Version> {
        match self {
            Self::Local(store) => Ok(store.version(at, path, index)?),
            Self::Served(client) => client.version(at, path, index),
        }
    }

    /// Every commit that changed a path, the newest first, and what it put there.
    pub fn audit(&self, at: &At, path: &ModulePath) -> Result<Vec<(Commit, Option<ModuleHash>)>> {
        match self {
            Self::Local(store) => {
                let entries = store.audit(at, path)?;
                let entries = entries.iter();
                Ok(entries
                    .map(|entry| (Commit::from(&entry.commit), entry.hash))
                    .collect())
            }
            Self::Served(client) => client.audit(at, path),
        }
    }

    /// The commit that `at` names now.
    pub fn snapshot(&self, at: &At) -> Result<CommitId> {
        match self {
            Self::Local(store) => Ok(store.snapshot(at)?),
            Self::Served(client) => client.snapshot(at),
        }
    }

    /// One commit.
    pub fn commit(&self, id: CommitId) -> Result<Commit> {
        match self {
            Self::Local(store) => Ok(Commit::from(&store.commit(id)?)),
            Self::Served(client) => client.commit(id),
        }
    }

    /// Calls `visit` for commits, as [`Store::log`] does.
    pub fn log(
        &self,
        at: &At,
        skip: usize,
        count: usize,
        order: LogOrder,
        mut visit: impl FnMut(Commit) -> bool,
    ) -> Result<()> {
        match self {
            Self::Local(store) => {
                let each = |commit| visit(Commit::from(&commit));
                Ok(store.log(at, skip, count, order, each)?)
            }
            Self::Served(client) => client.log(at, skip, count, order, visit),
        }
    }

    /// Calls `visit` for every module that a commit changed, compared with its first parent, sorted by path, until it breaks.
    pub fn changes(
        &self,
        commit: &Commit,
        mut visit: impl FnMut(PathChange) -> ControlFlow<()>,
    ) -> Result<()> {
        match self {
            Self::Local(store) => {
                let id = CommitId::parse(&commit.hash).map_err(store::Error::from)?;
                store.changes(&store.commit(id)?, visit)?;
            }
            Self::Served(client) => {
                let changes = client.changes(commit)?.into_iter();
                let _ = changes.map(&mut visit).find(ControlFlow::is_break);
            }
        }
        Ok(())
    }

    /// Calls `visit` for every module at or below `path` that differs between two trees, sorted by path, until it breaks.
    pub fn diff(
        &self,
        old: &At,
        new: &At,
        path: &TreePath,
        mut visit: impl FnMut(PathChange) -> ControlFlow<()>,
    ) -> Result<()> {
        match self {
            Self::Local(store) => store.diff(old, new, path, visit)?,
            Self::Served(client) => {
                let changes = client.diff(old, new, path)?.into_iter();
                let _ = changes.map(&mut visit).find(ControlFlow::is_break);
            }
        }
        Ok(())
    }

    /// What differs between the two modules of an updated path, or why they cannot be compared; `None` of another one.
    pub fn compare(
        &self,
        trees: (&At, &At),
        change: &PathChange,
    ) -> Result<Option<Result<Comparison, String>>> {
        let (Some(old), Some(new)) = (change.old, change.new) else {
            return Ok(None);
        };
        let compared = match self {
            Self::Local(store) => store.compare(old, new).map_err(Error::from),
            Self::Served(client) => client.compare(trees, &change.path, (old, new)),
        };
        match compared {
            Ok(compared) => Ok(Some(Ok(compared))),
            Err(Error::Store(error)) if error.kind() == Kind::InvalidModule => {
                Ok(Some(Err(chain(&error))))
            }
            Err(error) => Err(error),
        }
    }

    /// Calls `tell` with what each commit of a branch changes, from the commit `since` or from now on, for ever.
    pub fn watch<E: From<Error>>(
        &self,
        branch: Option<&BranchName>,
        since: Option<CommitId>,
        mut tell: impl FnMut(&[PathChange]) -> Result<(), E>,
    ) -> Result<(), E> {
        let store = match self {
            Self::Local(store) => store,
            Self::Served(client) => return client.watch(branch, since, tell),
        };
        let mut watcher = store.watch(branch, since).map_err(Error::from)?;
        loop {
            for event in watcher.next(WAIT).map_err(Error::from)? {
                tell(&event.changes)?;
            }
        }
    }
}
