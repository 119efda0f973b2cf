//! A batch: changes judged one on another, made durable together, published by one move of each branch.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::names::BranchName;
use crate::repo::error::{Error, Result};
use crate::repo::lifecycle::locks::Guard;
use crate::repo::lifecycle::open::Repository;
use crate::repo::packs::staged::{Object, Staged};
use crate::repo::publish::batch_carryover::Recent;
use crate::repo::publish::both::both;
use crate::repo::publish::branch_update::{HELD_MAX, Pending};
use crate::repo::publish::draft::Draft;
use crate::repo::publish::group_commit::{Outcome, Verdict};
use crate::repo::publish::preallocated_files::Prepared;
use crate::repo::publish::publish::Judged;
use crate::repo::publish::write_txn::{Objects, Writing};

/// How many changes a batch takes.
const CHANGES_MAX: usize = 256;
/// How many bytes of objects it takes; what is too much for it is known only afterwards.
const BYTES_MAX: usize = 8 << 20;

/// How long it takes them after the first one.
const AGE_MAX: Duration = Duration::from_millis(20);

/// Changes on their way to the disk.
pub(crate) struct Batch<'r> {
    writing: Writing<'r>,
    lines: Vec<Pending>,
    changes: usize,
    begun: Instant,
    refs: Guard,
}

/// A batch that waits for the next change.
pub(crate) struct Parked {
    objects: Objects,
    lines: Vec<Pending>,
    changes: usize,
    begun: Instant,
    refs: Guard,
}

/// A judged change.
pub(crate) struct Judgement<T, E> {
    /// The branch's tip after the change, and what the judge returned besides; or the refusal.
    pub result: Result<(Option<gix::ObjectId>, T), E>,
    /// The branch, once it is known.
    pub branch: Option<BranchName>,
    /// Whether the change moves it.
    pub moves: bool,
    /// What it rests on, if that is not durable yet.
    pub rests_on: Option<Arc<Outcome>>,
    /// What it adds to the pack, to be deflated while it waits.
    pub new: Vec<Arc<Object>>,
}

impl<'r> Batch<'r> {
    /// An empty batch, under `refs.lock`.
    pub(crate) fn begin(
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

    pub(crate) fn resume(repository: &'r Repository, parked: Parked) -> Self {
        Self {
            writing: Writing::with(repository, parked.objects, None),
            lines: parked.lines,
            changes: parked.changes,
            begun: parked.begun,
            refs: parked.refs,
        }
    }

    pub(crate) fn park(self) -> Parked {
        Parked {
            objects: self.writing.into_objects(),
            lines: self.lines,
            changes: self.changes,
            begun: self.begun,
            refs: self.refs,
        }
    }

    /// What an empty batch leaves to the next one.
    pub(crate) fn recent(self) -> Option<Recent> {
        Recent::of(self.writing.into_objects())
    }

    /// The files of its pack.
    pub(crate) fn prepared(&self) -> Arc<Prepared> {
        Arc::clone(&self.writing.objects.prepared)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.changes >= CHANGES_MAX
            || self.begun.elapsed() >= AGE_MAX
            || self.writing.objects.staged.size_bytes() >= BYTES_MAX
    }

    /// Judges a change on the batch as it is, and takes it in unless it is refused. A change that asks for another branch which
    /// the batch is going to move is judged once that is done.
    pub(crate) fn judge<T, E: From<Error>>(
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
        let staged_before = self.writing.objects.staged.len();
        let result = self
            .draft_and_judge(at, judge, has_met_moving)
            .and_then(|(judged, value)| Ok((self.writing.make(tip, judged)?, value)));
        let new = self.writing.objects.staged.after(staged_before);
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
            new,
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
        let mut draft =
            Draft::new(writing.objects.handles.local(), tip)?.beside(writing.repository, moving);
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
        self.lines.push(Pending {
            branch,
            old,
            new: None,
            outcome: Arc::default(),
        });
        Ok(self.lines.len() - 1)
    }

    /// Keeps the new tips for readers; what cannot be kept they read.
    fn remember(&mut self, lines: &[Pending]) {
        let Objects {
            handles, staged, ..
        } = &mut self.writing.objects;
        let memory = handles.take_memory();
        self.writing.repository.caches.remember_raw(&memory, staged);
        for tip in lines.iter().filter_map(|line| line.new) {
            let caches = &self.writing.repository.caches;
            if let Err(error) = caches.remember(&memory, staged, tip) {
                tracing::debug!(%error, "could not keep a new commit in memory");
            }
        }
        handles.set_memory(memory);
    }

    /// Makes everything durable, moves each branch once, and tells the changes. The batch is empty then.
    pub(crate) fn publish(&mut self) {
        self.changes = 0;
        let mut lines = std::mem::take(&mut self.lines);
        lines.retain(|line| line.new.is_some());
        if lines.is_empty() {
            return;
        }
        self.remember(&lines);
        let repository = self.writing.repository;
        let first = &lines[0];
        let hold = || repository.hold_ref(&first.branch.clone().into(), first.new, HELD_MAX);
        // An outside git waits for the lock file 100 ms: what can be done without it is done before.
        let deflated = self.writing.objects.staged.deflate();
        let (held, flushed) = both(hold, || deflated.and_then(|()| self.writing.flush()));
        if let Err(error) = flushed {
            let error = Arc::new(error);
            for line in &lines {
                line.outcome.tell(Verdict::Failed(Arc::clone(&error)));
            }
            return;
        }
        let mut held = Some(held);
        for line in &lines {
            line.publish(repository, held.take());
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
            new: Vec::new(),
        }
    }
}
