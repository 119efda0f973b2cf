//! Decides whether a commit reaches a change.
//!
//! If a commit reaches another commit, it also reaches all earlier commits of that commit's lineage. The commits that a commit reaches over
//! first parents are its trunk. It reaches all other commits through the second or a later parent of a merge. So the search starts at the
//! change and follows edges upwards, from parent to child, until it finds a commit on the trunk. Lineages that were searched without
//! success are not searched again for the next change.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::Connection;

use super::append::find_commit;
use super::database::{Reader, lock};
use super::error::Result;
use super::trunk::{Position, Trunk};
use crate::names::CommitId;

/// The maximum number of cached [`Trunk`]s.
const TRUNKS_MAX: usize = 64;

/// The commits that one commit reaches.
pub(super) struct Reach<'r> {
    db: &'r Connection,
    lineage: i64,
    gen_: i64,
    trunk: Arc<Trunk>,
    /// For each lineage that is not in the commit's first-parent history, the highest gen (number in the lineage) of a commit that is known
    /// to be reached.
    reached: HashMap<i64, i64>,
    /// For each lineage that is not in the commit's first-parent history, the lowest gen (number in the lineage) of a commit that is known
    /// not to be reached.
    unreached: HashMap<i64, i64>,
}

impl Reader {
    /// Prepares reachability queries for a commit; returns `None` if the commit was not added.
    pub(super) fn reach(&self, tip: CommitId) -> Result<Option<Reach<'_>>> {
        let db = self.connection();
        let Some(row) = find_commit(db, tip)? else {
            return Ok(None);
        };
        Ok(Some(Reach {
            db,
            lineage: row.lineage,
            gen_: row.gen_,
            trunk: self.trunk(row.lineage)?,
            reached: HashMap::new(),
            unreached: HashMap::new(),
        }))
    }

    /// Returns the [`Trunk`] of a lineage (a segment of first-parent history) from the cache, or reads it from the database.
    fn trunk(&self, lineage: i64) -> Result<Arc<Trunk>> {
        if let Some(trunk) = lock(&self.database.trunks).get(&lineage) {
            return Ok(Arc::clone(trunk));
        }
        let trunk = Arc::new(Trunk::read(self.connection(), lineage)?);
        let mut trunks = lock(&self.database.trunks);
        if trunks.len() >= TRUNKS_MAX {
            trunks.clear();
        }
        trunks.insert(lineage, Arc::clone(&trunk));
        Ok(trunk)
    }
}

impl Reach<'_> {
    /// Returns the segments of the commit's first-parent history, nearest first. A segment is a lineage (a sequence of commits, each the
    /// first parent of the next) and the highest gen (number of a commit in the lineage) that belongs to the first-parent history.
    pub(super) fn segments(&self) -> impl Iterator<Item = Position> {
        let own = (self.lineage, self.gen_);
        std::iter::once(own).chain(self.trunk.segments.iter().copied())
    }

    /// Returns how many segments (lineages) of the first-parent history are nearer to the tip than the segment with the commit at this
    /// position; `None` if the commit is not in the first-parent history.
    pub(super) fn trunk_distance(&self, (lineage, gen_): Position) -> Option<usize> {
        let (distance, last_gen) = if lineage == self.lineage {
            (0, self.gen_)
        } else {
            let index = *self.trunk.indices.get(&lineage)?;
            (index + 1, self.trunk.segments[index].1)
        };
        (gen_ <= last_gen).then_some(distance)
    }

    /// Returns whether the commit at `start` is the commit that [`Reader::reach`] was called for, or one of its ancestors.
    pub(super) fn reaches(&mut self, start: Position) -> Result<bool> {
        if self.trunk_distance(start).is_some() || is_reached(&self.reached, start) {
            return Ok(true);
        }
        let mut children = self.db.prepare_cached(
            "SELECT lineage, min(gen) FROM edges WHERE to_lineage = ? AND to_gen >= ? GROUP BY lineage",
        )?;
        let mut seen: HashMap<i64, i64> = HashMap::new();
        let mut pending = vec![start];
        while let Some((lineage, gen_)) = pending.pop() {
            let was_searched = |searched: &HashMap<i64, i64>| {
                searched.get(&lineage).is_some_and(|lowest| gen_ >= *lowest)
            };
            if was_searched(&self.unreached) || was_searched(&seen) {
                continue;
            }
            seen.insert(lineage, gen_);
            let mut rows = children.query([lineage, gen_])?;
            while let Some(row) = rows.next()? {
                let child = (row.get(0)?, row.get(1)?);
                if self.trunk_distance(child).is_some() || is_reached(&self.reached, child) {
                    self.reached
                        .entry(start.0)
                        .and_modify(|highest| *highest = start.1.max(*highest))
                        .or_insert(start.1);
                    return Ok(true);
                }
                pending.push(child);
            }
        }
        for (lineage, gen_) in seen {
            let lowest = self.unreached.entry(lineage).or_insert(gen_);
            *lowest = gen_.min(*lowest);
        }
        Ok(false)
    }
}

fn is_reached(reached: &HashMap<i64, i64>, (lineage, gen_): Position) -> bool {
    reached
        .get(&lineage)
        .is_some_and(|highest| gen_ <= *highest)
}
