//! How far two commits have diverged.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use crate::names::CommitId;
use crate::repo::error::Result;
use crate::repo::objects::commit::read_dated;
use crate::repo::objects::db::ObjectDb;

/// Which of the two commits reach a commit.
const OURS: usize = 1;
const THEIRS: usize = 2;

/// A number of commits that may be higher than what was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommitCount {
    /// The number.
    pub count: usize,
    /// Whether there may be more.
    pub has_more: bool,
}

/// The walk back from both commits, the newest commit first.
struct Walk<'r> {
    repo: &'r gix::Repository,
    nodes: HashMap<CommitId, Node>,
    /// The commits to visit, by their dates in seconds, and by when they were reached.
    queue: BTreeMap<(i64, Reverse<usize>), CommitId>,
    reached_count: usize,
    /// The numbers of queued commits by who reaches them.
    queued: [usize; 4],
    /// The numbers of visited commits by who reaches them.
    visited: [usize; 4],
}

struct Node {
    date_s: i64,
    parents: Vec<CommitId>,
    reached_by: usize,
    is_queued: bool,
}

impl ObjectDb {
    /// Counts the commits that `ours` reaches and `theirs` does not, and those that `theirs` reaches and `ours` does not, each up to `max`. Visits at
    /// most `visits_max` commits. Like git without generation numbers, it trusts that commits are newer than their parents.
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
        };
        walk.reach(ours, OURS)?;
        walk.reach(theirs, THEIRS)?;
        for _ in 0..visits_max {
            let is_counted = walk.visited[OURS] > max && walk.visited[THEIRS] > max;
            let is_open = walk.queued[OURS] + walk.queued[THEIRS] > 0;
            if is_counted || !is_open || !walk.visit_next()? {
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
    /// Notes that a commit is reached, and queues it if that is new.
    fn reach(&mut self, id: CommitId, by: usize) -> Result<()> {
        self.reached_count += 1;
        let Some(node) = self.nodes.get_mut(&id) else {
            let (date_s, commit) = read_dated(self.repo, id)?;
            let node = Node {
                date_s,
                parents: commit.parents,
                reached_by: by,
                is_queued: true,
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
            // A commit that is older than its parent was visited too early: it and its parents are visited again.
            self.visited[before] -= 1;
            node.is_queued = true;
            let key = (node.date_s, Reverse(self.reached_count));
            self.queue.insert(key, id);
        }
        self.queued[after] += 1;
        Ok(())
    }

    /// Visits the newest commit of the queue; returns `false` if there is none.
    fn visit_next(&mut self) -> Result<bool> {
        let Some((_, id)) = self.queue.pop_last() else {
            return Ok(false);
        };
        let Some(node) = self.nodes.get_mut(&id) else {
            return Ok(true);
        };
        node.is_queued = false;
        let (by, parents) = (node.reached_by, node.parents.clone());
        self.queued[by] -= 1;
        self.visited[by] += 1;
        for parent in parents {
            self.reach(parent, by)?;
        }
        Ok(true)
    }
}
