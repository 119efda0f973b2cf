//! Publishing: from a change to a durable commit on a branch.
//!
//! tip read -> change judged -> trees and commit built in memory -> objects made durable -> ref moved by compare-and-swap ->
//! answer. All of it under `refs.lock`, and every answer, a refusal and a no-op included, rests on a tip that is durable. An
//! outside writer that moved the branch meanwhile makes the change be judged again on the new tip.

use std::time::{Duration, Instant};

use tracing::field::display;

use super::commits::{NewCommit, encode};
use super::draft::Draft;
use super::error::{Error, Result};
use super::lock::Guard;
use super::loose::Loose;
use super::open::{Repository, commit_id, object_id};
use super::spool::Spool;
use super::trees::TreeId;
use crate::names::{Author, BranchName, CommitId};

/// How long a change is judged again and again because outside writers move the branch.
const RETRY_MAX: Duration = Duration::from_secs(10);
/// How long it is left alone in between.
const RETRY_PAUSE: Duration = Duration::from_millis(5);

/// What a change comes to, on a given tip.
#[derive(Debug)]
pub enum Judged {
    /// Nothing is to be done.
    Unchanged,
    /// The branch moves to a commit that exists: a fast-forward.
    Move(CommitId),
    /// A new commit on the tip.
    Commit {
        /// Its tree.
        tree: TreeId,
        /// Its parents after the tip.
        also: Vec<CommitId>,
        /// Its author.
        author: Author,
        /// Its message.
        message: String,
    },
}

/// What a published change came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published<T> {
    /// The branch's tip after it; `None` if the branch has no commit still.
    pub commit: Option<CommitId>,
    /// Whether the change moved the branch.
    pub has_moved: bool,
    /// What the change's judge returned besides.
    pub value: T,
}

/// The right to write objects and to publish them; while one is held, `gc` deletes nothing.
pub struct Writing<'r> {
    pub(super) repository: &'r Repository,
    /// A handle that keeps new objects in memory.
    pub(super) local: gix::Repository,
    /// What has to be flushed before a ref may lead to it.
    pub(super) loose: Loose,
    _lock: Option<Guard>,
}

impl Repository {
    /// Takes `lock` shared.
    ///
    /// # Errors
    /// The store does not exist or cannot be written, or a `gc` deletes for longer than a minute.
    pub fn begin(&self) -> Result<Writing<'_>> {
        let lock = self.locks.writing()?;
        self.forget_deleted_packs()?;
        Writing::under(self, Some(lock))
    }
}

impl<'r> Writing<'r> {
    /// Writes under a guard of `lock`, or under the caller's.
    pub(super) fn under(repository: &'r Repository, lock: Option<Guard>) -> Result<Self> {
        let local = repository.local_for("HEAD")?.with_object_memory();
        let loose = Loose::new(repository.root(), local.object_hash());
        Ok(Self {
            repository,
            local,
            loose,
            _lock: lock,
        })
    }

    /// Makes an existing commit, and all that it names, durable, for a commit that is going to use some of it.
    ///
    /// # Errors
    /// `UnknownCommit`.
    pub fn adopt_commit(&mut self, commit: CommitId) -> Result<()> {
        super::commits::read(&self.local, commit)?;
        self.existing(commit)?;
        self.loose.flush()
    }

    /// Publishes one change on `branch`, or on the default branch. `judge` sees the tip, and may be called again on another.
    ///
    /// # Errors
    /// What `judge` returns; `UnknownBranch`; `Busy` when outside writers moved the branch for too long; whatever keeps the
    /// change from being made durable. Nothing happened then, except after `Unconfirmed`.
    pub fn publish<T, E: From<Error>>(
        mut self,
        branch: Option<&BranchName>,
        mut judge: impl FnMut(&mut Draft<'_>) -> Result<(Judged, T), E>,
    ) -> Result<Published<T>, E> {
        // What was stored so far is flushed while others may still move refs.
        self.loose.flush()?;
        let _refs = self.repository.locks.refs()?;
        let branch = &self.repository.branch_or_default(branch)?;
        let deadline = Instant::now() + RETRY_MAX;
        loop {
            let tip = self.durable_tip(branch)?;
            if tip.is_none() && self.repository.default_branch().ok().as_ref() != Some(branch) {
                return Err(Error::UnknownBranch(branch.to_string()).into());
            }
            let (judged, value) = judge(&mut Draft::new(&self.local, tip)?)?;
            let new = self.make(tip, judged)?;
            self.loose.flush()?;
            let moved = match new {
                None => Ok(()),
                Some(new) => self.repository.move_branch(branch, tip, Some(new)),
            };
            match moved {
                Ok(()) => {
                    let (from, to) = (tip.map(display), new.map(display));
                    tracing::info!(%branch, from, to, "published");
                    let commit = new.or(tip).map(|id| commit_id(&id));
                    return Ok(Published {
                        commit,
                        has_moved: new.is_some(),
                        value,
                    });
                }
                Err(Error::Moved(_)) if Instant::now() < deadline => {
                    std::thread::sleep(RETRY_PAUSE)
                }
                Err(other) => return Err(other.into()),
            }
        }
    }

    /// The commit that the branch is to move to; `None` if it stays.
    fn make(
        &mut self,
        tip: Option<gix::ObjectId>,
        judged: Judged,
    ) -> Result<Option<gix::ObjectId>> {
        match judged {
            Judged::Unchanged => Ok(None),
            Judged::Move(commit) => self.existing(commit).map(Some),
            Judged::Commit {
                tree,
                also,
                author,
                message,
            } => {
                let mut parents: Vec<_> = tip.into_iter().collect();
                for parent in also {
                    parents.push(self.existing(parent)?);
                }
                let author = &author;
                self.store_commit(&NewCommit {
                    tree: tree.0,
                    parents,
                    author,
                    message,
                })
                .map(Some)
            }
        }
    }

    /// A commit that exists, durable with all that it reaches.
    pub(super) fn existing(&mut self, commit: CommitId) -> Result<gix::ObjectId> {
        let id = object_id(&self.local, commit.as_bytes()).ok_or(Error::UnknownCommit(commit))?;
        self.adopt_history(id)?;
        Ok(id)
    }

    /// Makes the commit, and those of its trees that are new, durable in files of their own.
    pub(super) fn store_commit(&mut self, commit: &NewCommit<'_>) -> Result<gix::ObjectId> {
        self.store_tree(commit.tree)?;
        self.add(
            gix::objs::Kind::Commit,
            &mut Spool::holding(encode(commit)?),
        )
    }

    /// Stores a tree that was built in memory, and those below it; what stands in the store already is left.
    fn store_tree(&mut self, id: gix::ObjectId) -> Result<()> {
        let made = self.local.objects.take_object_memory().unwrap_or_default();
        let mut todo = vec![id];
        while let Some(id) = todo.pop() {
            let Some((kind, bytes)) = made.get(&id) else {
                continue;
            };
            self.add(*kind, &mut Spool::holding(bytes.clone()))?;
            let tree = gix::objs::TreeRefIter::from_bytes(bytes, self.local.object_hash());
            for entry in tree
                .filter_map(std::result::Result::ok)
                .filter(|entry| entry.mode.is_tree())
            {
                todo.push(entry.oid.to_owned());
            }
        }
        self.local.objects.set_object_memory(made);
        Ok(())
    }
}
