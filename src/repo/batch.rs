//! A batch: changes judged one on another, made durable together, published by one move of each branch.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::draft::Draft;
use super::error::{Error, Result};
use super::group::{Outcome, Verdict};
use super::lock::Guard;
use super::open::{Repository, commit_id};
use super::publish::Judged;
use super::recent::Recent;
use super::staged::Staged;
use super::writing::{Objects, Writing};
use crate::names::BranchName;

/// How many changes a batch takes.
const CHANGES_MAX: usize = 256;
/// How many bytes of objects it takes; what is too much for it is known only afterwards.
const BYTES_MAX: usize = 8 << 20;

/// How long it takes them after the first one.
const AGE_MAX: Duration = Duration::from_millis(20);
/// How long it waits for an outside git that holds a branch, while it keeps the others waiting.
const HELD_MAX: Duration = Duration::from_millis(100);

/// Changes on their way to the disk.
pub(super) struct Batch<'r> {
    writing: Writing<'r>,
    lines: Vec<Line>,
    changes: usize,
    begun: Instant,
    refs: Guard,
}

/// A batch that waits for the next change.
pub(super) struct Parked {
    objects: Objects,
    lines: Vec<Line>,
    changes: usize,
    begun: Instant,
    refs: Guard,
}

/// A branch in a batch.
struct Line {
    branch: BranchName,
    /// Where it is, durably.
    old: Option<gix::ObjectId>,
    /// Where the changes so far move it.
    new: Option<gix::ObjectId>,
    outcome: Arc<Outcome>,
}

/// A judged change.
pub(super) struct Judgement<T, E> {
    /// The branch's tip after the change, and what the judge returned besides; or the refusal.
    pub result: Result<(Option<gix::ObjectId>, T), E>,
    /// The branch, once it is known.
    pub branch: Option<BranchName>,
    /// Whether the change moves it.
    pub moves: bool,
    /// What it rests on, if that is not durable yet.
    pub rests_on: Option<Arc<Outcome>>,
}

impl<'r> Batch<'r> {
    /// An empty batch, under `refs.lock`.
    pub(super) fn begin(
        repository: &'r Repository,
        deadline: Instant,
        recent: Option<Recent>,
    ) -> Result<Self> {
        let refs = repository.locks.refs_until(deadline)?;
        repository.forget_deleted_packs()?;
        let mut writing = Writing::under(repository, None)?;
        repository.recall(&mut writing.objects, recent);
        Ok(Self {
            refs,
            writing,
            lines: Vec::new(),
            changes: 0,
            begun: Instant::now(),
        })
    }

    pub(super) fn resume(repository: &'r Repository, parked: Parked) -> Self {
        Self {
            writing: Writing::with(repository, parked.objects, None),
            lines: parked.lines,
            changes: parked.changes,
            begun: parked.begun,
            refs: parked.refs,
        }
    }

    pub(super) fn park(self) -> Parked {
        Parked {
            objects: self.writing.into_objects(),
            lines: self.lines,
            changes: self.changes,
            begun: self.begun,
            refs: self.refs,
        }
    }

    /// What an empty batch leaves to the next one.
    pub(super) fn recent(self) -> Option<Recent> {
        Recent::of(self.writing.into_objects())
    }

    pub(super) fn is_full(&self) -> bool {
        self.changes >= CHANGES_MAX
            || self.begun.elapsed() >= AGE_MAX
            || self.writing.objects.staged.size_bytes() >= BYTES_MAX
    }

    /// Judges a change on the batch as it is, and takes it in unless it is refused. A change that asks for another branch which
    /// the batch is going to move is judged once that is done.
    pub(super) fn judge<T, E: From<Error>>(
        &mut self,
        branch: Option<&BranchName>,
        staged: &Staged,
        judge: &mut impl FnMut(&mut Draft<'_>) -> Result<(Judged, T), E>,
    ) -> Judgement<T, E> {
        let mut has_met_moving = false;
        let judgement = self.judge_once(branch, staged, judge, &mut has_met_moving);
        if !has_met_moving {
            return judgement;
        }
        drop(judgement);
        self.publish();
        self.judge_once(branch, staged, judge, &mut has_met_moving)
    }

    fn judge_once<T, E: From<Error>>(
        &mut self,
        branch: Option<&BranchName>,
        staged: &Staged,
        judge: &mut impl FnMut(&mut Draft<'_>) -> Result<(Judged, T), E>,
        has_met_moving: &mut bool,
    ) -> Judgement<T, E> {
        // Refusals count: who is refused comes back at once, and would keep the others from ever being published.
        self.changes += 1;
        let at = match self.line(branch) {
            Ok(at) => at,
            Err(error) => return Judgement::refused(error.into()),
        };
        let tip = self.lines[at].tip();
        let result = self
            .draft_and_judge(at, judge, has_met_moving)
            .and_then(|(judged, value)| Ok((self.writing.make(tip, judged)?, value)));
        let line = &mut self.lines[at];
        let rests_on_earlier = line.new.is_some();
        let mut moves = false;
        if let Ok((Some(new), _)) = &result {
            moves = true;
            line.new = Some(*new);
            self.writing.objects.staged.add_all(staged);
        }
        Judgement {
            branch: Some(line.branch.clone()),
            moves,
            rests_on: (moves || rests_on_earlier).then(|| Arc::clone(&line.outcome)),
            result: result.map(|(new, value)| (new.or(tip), value)),
        }
    }

    fn draft_and_judge<T, E: From<Error>>(
        &self,
        at: usize,
        judge: &mut impl FnMut(&mut Draft<'_>) -> Result<(Judged, T), E>,
        has_met_moving: &mut bool,
    ) -> Result<(Judged, T), E> {
        let writing = &self.writing;
        let others = self.lines.iter().enumerate();
        let others = others.filter(|(other, line)| *other != at && line.new.is_some());
        let moving = others.map(|(_, line)| &line.branch).collect();
        let tip = self.lines[at].tip();
        let mut draft = Draft::new(&writing.objects.local, tip)?.beside(writing.repository, moving);
        let judged = judge(&mut draft);
        *has_met_moving = draft.has_met_moving();
        judged
    }

    /// Where the branch, or the default one, stands among the lines; its tip is durable.
    fn line(&mut self, branch: Option<&BranchName>) -> Result<usize> {
        let repository = self.writing.repository;
        let branch = repository.branch_or_default(branch)?;
        if let Some(at) = self.lines.iter().position(|line| line.branch == branch) {
            return Ok(at);
        }
        let old = self.writing.durable_tip(&branch)?;
        if old.is_none() && repository.default_branch().ok().as_ref() != Some(&branch) {
            return Err(Error::UnknownBranch(branch.to_string()));
        }
        self.lines.push(Line {
            branch,
            old,
            new: None,
            outcome: Arc::default(),
        });
        Ok(self.lines.len() - 1)
    }

    /// Keeps the new tips for readers; what cannot be kept they read.
    fn remember(&mut self, lines: &[Line]) {
        let Objects { local, staged, .. } = &mut self.writing.objects;
        let memory = local.objects.take_object_memory().unwrap_or_default();
        for tip in lines.iter().filter_map(|line| line.new) {
            let caches = &self.writing.repository.caches;
            if let Err(error) = caches.remember(&memory, staged, tip) {
                tracing::debug!(%error, "could not keep a new commit in memory");
            }
        }
        local.objects.set_object_memory(memory);
    }

    /// Makes everything durable, moves each branch once, and tells the changes. The batch is empty then.
    pub(super) fn publish(&mut self) {
        self.changes = 0;
        let mut lines = std::mem::take(&mut self.lines);
        lines.retain(|line| line.new.is_some());
        if lines.is_empty() {
            return;
        }
        self.remember(&lines);
        if let Err(error) = self.writing.flush() {
            let error = Arc::new(error);
            for line in &lines {
                line.outcome.tell(Verdict::Failed(Arc::clone(&error)));
            }
            return;
        }
        for line in &lines {
            line.publish(self.writing.repository);
        }
    }
}

impl<T, E> Judgement<T, E> {
    fn refused(error: E) -> Self {
        Self {
            result: Err(error),
            branch: None,
            moves: false,
            rests_on: None,
        }
    }
}

impl Line {
    fn tip(&self) -> Option<gix::ObjectId> {
        self.new.or(self.old)
    }

    /// Moves the branch and tells what came of it. A panic goes on when it is told.
    fn publish(&self, repository: &Repository) {
        let moving = || repository.move_branch(&self.branch, self.old, self.new, HELD_MAX);
        match panic::catch_unwind(AssertUnwindSafe(moving)) {
            Ok(moved) => self.outcome.tell(match moved {
                Ok(()) => Verdict::Published,
                Err(Error::Moved(_)) => Verdict::Again,
                Err(Error::Unconfirmed { source }) => Verdict::Unconfirmed(source),
                Err(error @ Error::Busy(_)) => Verdict::Held(Arc::new(error)),
                Err(error) => Verdict::Failed(Arc::new(error)),
            }),
            Err(panic) => {
                let now = repository.tip(&self.branch).ok().flatten();
                let is_where_it_was = now == self.old.map(|old| commit_id(&old));
                self.outcome.tell(match is_where_it_was {
                    true => Verdict::Again,
                    false => Verdict::Unconfirmed(Arc::new(Error::database(format!(
                        "move branch {}",
                        self.branch
                    ))("it panicked"))),
                });
                panic::resume_unwind(panic);
            }
        }
    }
}

/// A batch that a panic ends sends its changes back.
impl Drop for Line {
    fn drop(&mut self) {
        self.outcome.tell(Verdict::Again);
    }
}
