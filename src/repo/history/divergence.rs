//! The divergence of two commits: how many commits only the first one reaches, and how many only the second one reaches.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use crate::names::CommitId;
use crate::repo::error::Result;
use crate::repo::objects::commit::read_dated;
use crate::repo::objects::db::ObjectDb;

/// Bits of [`Node::reached_by`]: which of the two starting commits reach a commit.
const OURS: usize = 1;
const THEIRS: usize = 2;

/// A count of commits that stops at a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommitCount {
    /// The number of commits that were counted, at most the limit.
    pub count: usize,
    /// Whether there may be more commits than `count`.
    pub has_more: bool,
}

/// A walk from both starting commits to their ancestors, newest commit first.
struct Walk<'r> {
    repo: &'r gix::Repository,
    nodes: HashMap<CommitId, Node>,
    /// The commits to visit, sorted by committer time in seconds, then by the order in which they were reached.
    queue: BTreeMap<(i64, Reverse<usize>), CommitId>,
    reached_count: usize,
    /// The number of queued commits for each value of [`Node::reached_by`].
    queued: [usize; 4],
    /// The number of visited commits for each value of [`Node::reached_by`].
    visited: [usize; 4],
    /// The number of queued commits that were visited before. They are visited again, to tell their parents that both starting commits
    /// reach them.
    again: usize,
    /// The committer time, in seconds since 1970-01-01 UTC, of the last visited commit that only one of the two starting commits was known
    /// to reach; `None` if there was no such visit yet.
    last_of_one_s: Option<i64>,
}

struct Node {
    date_s: i64,
    parents: Vec<CommitId>,
    reached_by: usize,
    is_queued: bool,
    was_visited: bool,
}

impl ObjectDb {
    /// Counts the commits that only `ours` reaches, and the commits that only `theirs` reaches, each up to `max`. Visits at most
    /// `visits_max` commits. Like git without generation numbers, it assumes that commits are newer than their parents.
    pub fn divergence(
        &self,
        (ours, theirs): (CommitId, CommitId),
        max: usize,
        visits_max: usize,
    ) -> Result<[CommitCount; 2]> {
        let repo = self.handle_for(ours)?;
        let mut walk = Walk {
            repo: &repo,
            nodes: HashMap::new(),
            queue: BTreeMap::new(),
            reached_count: 0,
            queued: [0; 4],
            visited: [0; 4],
            again: 0,
            last_of_one_s: None,
        };
        walk.reach(ours, OURS)?;
        walk.reach(theirs, THEIRS)?;
        for _ in 0..visits_max {
            let is_counted = walk.visited[OURS] > max && walk.visited[THEIRS] > max;
            if is_counted || !walk.is_open() || !walk.visit_next()? {
                break;
            }
        }
        Ok([OURS, THEIRS].map(|side| CommitCount {
            count: walk.visited[side].min(max),
            has_more: walk.visited[side] > max || walk.queued[side] > 0,
        }))
    }
}

impl Walk<'_> {
    /// Records that the starting commits in the bit set `by` reach the commit `id`. Queues the commit if this was not known.
    fn reach(&mut self, id: CommitId, by: usize) -> Result<()> {
        self.reached_count += 1;
        let Some(node) = self.nodes.get_mut(&id) else {
            let (date_s, commit) = read_dated(self.repo, id)?;
            let node = Node {
                date_s,
                parents: commit.parents,
                reached_by: by,
                is_queued: true,
                was_visited: false,
            };
            let key = (date_s, Reverse(self.reached_count));
            self.queue.insert(key, id);
            self.nodes.insert(id, node);
            self.queued[by] += 1;
            return Ok(());
        };
        let (before, after) = (node.reached_by, node.reached_by | by);
        if before == after {
            return Ok(());
        }
        node.reached_by = after;
        if node.is_queued {
            self.queued[before] -= 1;
        } else {
            // The commit was visited before one of its children, because that child has an older date. It is visited again, to pass `after`
            // on to its parents.
            self.visited[before] -= 1;
            self.again += 1;
            node.is_queued = true;
            let key = (node.date_s, Reverse(self.reached_count));
            self.queue.insert(key, id);
        }
        self.queued[after] += 1;
        Ok(())
    }

    /// Returns whether a queued commit may still change the counts. It can if only one starting commit reaches it, or if it may show that
    /// both starting commits reach a commit that was counted for only one. The second case also occurs with correct clocks, among commits
    /// of the same second.
    fn is_open(&self) -> bool {
        let newest_s = self.queue.last_key_value().map(|((date_s, _), _)| *date_s);
        let is_tied = newest_s.is_some_and(|newest_s| Some(newest_s) >= self.last_of_one_s);
        self.queued[OURS] + self.queued[THEIRS] > 0 || self.again > 0 || is_tied
    }

    /// Visits the newest commit of the queue; returns `false` if the queue is empty.
    fn visit_next(&mut self) -> Result<bool> {
        let Some((_, id)) = self.queue.pop_last() else {
            return Ok(false);
        };
        let Some(node) = self.nodes.get_mut(&id) else {
            return Ok(true);
        };
        node.is_queued = false;
        self.again -= usize::from(node.was_visited);
        node.was_visited = true;
        let (by, parents) = (node.reached_by, node.parents.clone());
        if by == OURS || by == THEIRS {
            self.last_of_one_s = Some(node.date_s);
        }
        self.queued[by] -= 1;
        self.visited[by] += 1;
        for parent in parents {
            self.reach(parent, by)?;
        }
        Ok(true)
    }
}
