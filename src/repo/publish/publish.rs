//! Publishing: from a change to a durable commit on a branch.
//!
//! tip read -> change judged -> trees and commit built in memory -> objects made durable -> ref moved by compare-and-swap ->
//! answer. All of it under `refs.lock`, together with the changes that came at the same time (`group.rs`, `batch.rs`), and every
//! answer, a refusal and a no-op included, rests on a tip that is durable. An outside writer that moved the branch meanwhile
//! makes the change be judged again on the new tip.

use std::time::{Duration, Instant};

use gix::odb::memory::Storage;
use tracing::field::display;

use crate::names::{Author, BranchName, CommitId};
use crate::repo::error::{Error, Result};
use crate::repo::history::commit::{NewCommit, encode};
use crate::repo::ids::{commit_id, object_id};
use crate::repo::lifecycle::locks::PATIENCE;
use crate::repo::publish::batch::Judgement;
use crate::repo::publish::draft::Draft;
use crate::repo::publish::group_commit::Verdict;
use crate::repo::publish::write_txn::Writing;
use crate::repo::tree::entry::TreeId;

/// How long a change is judged again and again because outside writers move the branch.
const RETRY_MAX: Duration = Duration::from_secs(10);

/// How long a change waits, without any lock, when an outside git holds its branch.
const HELD_PAUSE: Duration = Duration::from_millis(50);

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

impl Writing<'_> {
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
        // What has files of its own is flushed, and the rest deflated, while others may still move refs.
        self.objects.loose.flush()?;
        self.objects.staged.deflate()?;
        let begun = Instant::now();
        loop {
            let mut turn = self.repository.group.enter();
            let mut batch = turn.batch(self.repository, begun + PATIENCE)?;
            let judgement = batch.judge(branch, &self.objects.staged, &mut judge);
            let prepared = batch.prepared();
            if turn.leave(batch) {
                self.repository.roll_up_when_due();
            } else {
                // Help while waiting. Whoever publishes does what failed here again, and says what is wrong.
                prepared.add(&self.repository.tmp_dir());
                for object in &judgement.new {
                    let _ = object.deflate();
                }
            }
            let verdict = judgement.rests_on.as_ref();
            let verdict = verdict.map_or(Verdict::Published, |outcome| outcome.wait());
            match verdict {
                Verdict::Published => return told(judgement),
                Verdict::Failed(error) if judgement.moves => {
                    return Err(Error::Batch(error).into());
                }
                Verdict::Unconfirmed(source) if judgement.moves => {
                    return Err(Error::Unconfirmed { source }.into());
                }
                // An outside git holds the branch: others go on meanwhile.
                Verdict::Held(_) if begun.elapsed() < RETRY_MAX => std::thread::sleep(HELD_PAUSE),
                Verdict::Held(error) => return Err(Error::Batch(error).into()),
                // It rested on a change that did not come to be, or the branch moved: it is judged again.
                _ if begun.elapsed() >= RETRY_MAX => {
                    let branch = judgement.branch.expect("BUG: it rests on a branch");
                    return Err(Error::Moved(branch.into()).into());
                }
                _ => {}
            }
        }
    }

    /// The commit that the branch is to move to; `None` if it stays.
    pub(crate) fn make(
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
    pub(crate) fn existing(&mut self, commit: CommitId) -> Result<gix::ObjectId> {
        let id = object_id(self.objects.handles.local(), commit.as_bytes());
        let id = id.ok_or(Error::UnknownCommit(commit))?;
        self.adopt_history([id])?;
        Ok(id)
    }

    /// Stages the commit, and those of its trees that are new.
    pub(crate) fn store_commit(&mut self, commit: &NewCommit<'_>) -> Result<gix::ObjectId> {
        self.store_tree(commit.tree)?;
        let (kind, bytes) = (gix::objs::Kind::Commit, encode(commit)?);
        // In memory too: the next change of the batch is judged on it.
        let id = gix::objs::Write::write_buf(&self.objects.handles.local().objects, kind, &bytes)
            .map_err(Error::database("keep a commit"))?;
        self.stage_made(id, kind, &bytes)?;
        Ok(id)
    }

    /// Stages a tree that was built in memory, and those below it; what stands in the store already is left.
    fn store_tree(&mut self, id: gix::ObjectId) -> Result<()> {
        let made = self.objects.handles.take_memory();
        let staged = self.stage_trees(&made, id);
        // Whatever happened: without its memory the handle would write to the disk.
        self.objects.handles.set_memory(made);
        staged
    }

    /// Children come before their parents: if one fails, nothing is staged that names what is not.
    fn stage_trees(&mut self, made: &Storage, id: gix::ObjectId) -> Result<()> {
        let mut trees = Vec::new();
        let mut todo = vec![id];
        while let Some(id) = todo.pop() {
            let Some((kind, bytes)) = made.get(&id) else {
                continue;
            };
            if self.objects.staged.contains(&id) || self.objects.settled.contains(&id) {
                continue;
            }
            trees.push((id, *kind, bytes));
            let tree = gix::objs::TreeRefIter::from_bytes(bytes, id.kind());
            let entries = tree.filter_map(std::result::Result::ok);
            let folders = entries.filter(|entry| entry.mode.is_tree());
            todo.extend(folders.map(|entry| entry.oid.to_owned()));
        }
        for (id, kind, bytes) in trees.into_iter().rev() {
            self.stage_made(id, kind, bytes)?;
        }
        Ok(())
    }
}

fn told<T, E>(judgement: Judgement<T, E>) -> Result<Published<T>, E> {
    let (tip, value) = judgement.result?;
    if judgement.moves {
        let (branch, to) = (judgement.branch.as_ref(), tip.map(display));
        tracing::info!(branch = branch.map(display), to, "published");
    }
    Ok(Published {
        commit: tip.map(|id| commit_id(&id)),
        has_moved: judgement.moves,
        value,
    })
}
